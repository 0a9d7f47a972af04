"""The corpora as people meet them: a list, a page, a check of a folder, a draft of a new one."""
