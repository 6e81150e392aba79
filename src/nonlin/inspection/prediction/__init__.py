"""What the weights alone predict: the length of every pre-activation and the gradient at every call."""

from nonlin.inspection.prediction.predict import predict
from nonlin.inspection.prediction.result import PredictedCall, Prediction

__all__ = ["PredictedCall", "Prediction", "predict"]
