"""What wraps a network: for its training, or for its prediction."""
