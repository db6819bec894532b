"""What turns maps of features into scores of classes."""
