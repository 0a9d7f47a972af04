"""The one way to what is stored: every reading names its purpose and is checked."""
