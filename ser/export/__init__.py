"""What others can use without this project: tables and folds of a corpus, a model as ONNX."""
