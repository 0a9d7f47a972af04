"""Voices made by code, dialect b: for smoke tests and machines without corpora."""

from ser.corpora.synthetic import synthetic_corpus

CORPUS = synthetic_corpus("b")
