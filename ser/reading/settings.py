"""`systems` of params.yaml: on what a system is trained and tested."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ser.core.errors import SerError
from ser.core.settings import Name, Section, Values


class System(Section):
    """A system.

    Attributes:
        corpora: names of the corpora that are tested; several are mixed.
        helpers: names of corpora that only train, in every fold.
        gender: whose clips are used.
        protocol: who trains, validates and tests in each fold.
    """

    corpora: Annotated[list[Name], Field(min_length=1)]
    helpers: tuple[Name, ...] = ()
    gender: Literal["all", "female", "male"] = "all"
    protocol: Name

    @property
    def all_corpora(self) -> list[str]:
        """Names of the corpora that are tested, and of those that help."""
        return [*self.corpora, *self.helpers]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for name in self.all_corpora:
            if self.all_corpora.count(name) > 1:
                raise ValueError(f"corpus {name} is named twice; name it once")
        return self


Systems = Annotated[dict[Name, System], Field(min_length=1)]


def load_corpora(values: Values) -> list[str]:
    """Names of the corpora that are fetched.

    Raises:
        SerError: if one is named twice.
    """
    corpora = values.section("corpora", Annotated[list[Name], Field(min_length=1)])
    names = list(corpora)
    if len(set(names)) < len(names):
        raise SerError(f"{values.source}: corpora {names} must differ from each other.")
    return names


def load_systems(values: Values) -> dict[str, System]:
    """All systems; each names corpora that are fetched.

    Raises:
        SerError: naming the system and the corpus that is not.
    """
    corpora = load_corpora(values)
    systems: dict[str, System] = values.section("systems", Systems)
    for name, system in systems.items():
        for corpus in system.all_corpora:
            if corpus not in corpora:
                raise SerError(
                    f"{values.source}: systems.{name} names the corpus {corpus!r}, which is not "
                    f"among corpora ({', '.join(corpora)})."
                )
    return systems


def load_system_settings(values: Values, name: str) -> System:
    """The system called `name`.

    Raises:
        SerError: if `params.yaml` lists no such system.
    """
    known = values.section("systems", dict)
    if name not in known:
        raise SerError(f"{values.source} lists no system {name!r}; it lists {', '.join(known)}.")
    return values.section(f"systems.{name}", System)
