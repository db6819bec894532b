"""What training and prediction do to images alike: the color of padding, and the length of resized sides."""
