"""A model and its weights as an ONNX graph, written node by node without torch."""
