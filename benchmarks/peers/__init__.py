"""Systems that people use instead: the same checkpoint behind FastAPI, LitServe and pytriton, as their tutorials do."""
