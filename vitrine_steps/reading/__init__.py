"""Text and codes in photos: what stands around PP-OCR's two engines."""
