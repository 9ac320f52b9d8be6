"""Every classifier of the registry, small but able to learn: none is listed by hand."""

from sklearn.ensemble import RandomForestClassifier

from ohlcvml.pipeline import BarPipeline
from ohlcvml.registry import all_estimators
from tests.registered import installed

# Values by the name of a parameter, for every class that has it. The test sets of a class are as
# small as they can be to move every parameter, so they are no measure of what it can learn.
LEARNING = {
    "window": 16,
    "n_estimators": 60,
    "num_leaves": 4,
    "min_child_samples": 30,
    "training__max_epochs": 4,
    "training__batch_size": 128,
    "training__learning_rate": 1e-2,
    "training__validation_share": 0.0,
    "hidden_size": 16,
    "decoder_size": 8,
}
# The same word means more to a model of price paths.
PATHS = {"window": 32, "prediction_length": 10, "n_paths": 64}
RECURRENT = ("DeepARClassifier", "LSTMClassifier", "QuantileRNNClassifier")

# Class name: values that replace those above, and why.
EXCEPTIONS = {
    "KronosClassifier": (
        {"window": 16, "prediction_length": 2, "n_paths": 4},
        "every step of every path is a pass through its decoder",
    ),
    "SklearnClassifier": (
        {"estimator": RandomForestClassifier(60, min_samples_leaf=30, random_state=0)},
        "its test set is a logistic regression whose penalty is for columns of unit size",
    ),
}


def classifiers():
    """Classes whose packages are installed; a pipeline is what its parts are."""
    found = [cls for _, cls in all_estimators("classifier") if not issubclass(cls, BarPipeline)]
    return [cls for cls in found if installed(cls)]


def is_pretrained(cls):
    """Whether the weights were trained elsewhere, so that training rows teach it little."""
    return bool(cls.get_class_tag("training_data_cutoff", ""))


def learner(cls):
    """Return a small unfitted model of the class that can learn."""
    model = cls.create_test_instance()
    known = model.get_params(deep=True)
    # What is not trained learns from labels alone; what is would give up training rows for it.
    calibrate = {"calibrate": "training" not in known}
    paths = PATHS if cls.get_class_tag("representation") == "path" else {}
    recurrent = {"n_layers": 1} if cls.__name__ in RECURRENT else {}
    values = {**LEARNING, **paths, **recurrent, **calibrate}
    values |= EXCEPTIONS.get(cls.__name__, ({}, ""))[0]
    return model.set_params(**{name: value for name, value in values.items() if name in known})
