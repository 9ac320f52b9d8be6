"""Models: classifiers of bars, each with the same contract."""

from ohlcvml.models.configs import make_model, model_config
from ohlcvml.models.neural import (
    AutoformerClassifier,
    DLinearClassifier,
    InceptionTimeClassifier,
    ITransformerClassifier,
    LSTMClassifier,
    NBEATSClassifier,
    NHITSClassifier,
    PatchTSTClassifier,
    ResNet1DClassifier,
    SMambaClassifier,
    TCNClassifier,
    TiDEClassifier,
    TimesNetClassifier,
    TrainingOptions,
    plot_training,
)
from ohlcvml.models.paths import (
    DeepARClassifier,
    ForecastClassifier,
    QuantileRNNClassifier,
)
from ohlcvml.models.pretrained import (
    Chronos2Classifier,
    ChronosBoltClassifier,
    KronosClassifier,
    TimesFMClassifier,
)
from ohlcvml.models.tabular import (
    LightGBMClassifier,
    LogisticClassifier,
    SklearnClassifier,
    XGBoostClassifier,
)

__all__ = [
    "AutoformerClassifier",
    "Chronos2Classifier",
    "ChronosBoltClassifier",
    "DLinearClassifier",
    "DeepARClassifier",
    "ForecastClassifier",
    "ITransformerClassifier",
    "InceptionTimeClassifier",
    "KronosClassifier",
    "LSTMClassifier",
    "LightGBMClassifier",
    "LogisticClassifier",
    "NBEATSClassifier",
    "NHITSClassifier",
    "PatchTSTClassifier",
    "QuantileRNNClassifier",
    "ResNet1DClassifier",
    "SMambaClassifier",
    "SklearnClassifier",
    "TCNClassifier",
    "TiDEClassifier",
    "TimesFMClassifier",
    "TimesNetClassifier",
    "TrainingOptions",
    "XGBoostClassifier",
    "make_model",
    "model_config",
    "plot_training",
]
