"""The referee: what a reviewer would say of somebody else's split and predictions."""
