"""One product of the catalogue, and what is asked about its photo."""

from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed

SEED = first_seed("test") + 11
PHOTO = photo_from_seed(SEED, long_side_px=(300, 400)).jpeg_bytes()
QUESTIONS = {"en": "What colour is it?", "zh": "它是什么颜色的？"}
