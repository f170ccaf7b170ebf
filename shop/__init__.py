"""What the shop knows: products and their facts, and which products are alike."""
