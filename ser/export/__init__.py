"""What others can use without this project: a model in another form."""
