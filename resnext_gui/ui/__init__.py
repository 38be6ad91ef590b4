"""The window.  Nothing in here imports Keras or TensorFlow."""
