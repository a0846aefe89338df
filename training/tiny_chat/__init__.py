"""The small chat model that ships as a base to tune: ``python -m training.tiny_chat`` (see ``README.md``)."""
