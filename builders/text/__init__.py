"""The two engines that read text in photos: PP-OCR's detector and recogniser, taken as they are and proved."""
