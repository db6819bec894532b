"""Loading of pretrained weights, and checks of weights."""
