"""Voices made by code, dialect a: for smoke tests and machines without corpora."""

from ser.download.synthetic import synthetic_corpus

CORPUS = synthetic_corpus("a")
