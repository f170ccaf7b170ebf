"""What the steps around the recogniser, its graph and the builder agree on."""

LINE_HEIGHT_PX = 48
LINES_A_GROUP = 6
"""Lines that the recogniser reads beside each other, padded to one width, which shows in what it reads."""
MOST_WIDTH_PX = 2400
"""Width of a line at most; a longer one is squeezed."""
CHARACTERS_FILE = "characters.json"
"""Characters that the network knows: a list, as it numbers them from 1."""
