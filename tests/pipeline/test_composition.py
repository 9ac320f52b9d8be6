"""What ``+`` and ``*`` build, its parameters and its tags."""

import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sktime.transformations.series.difference import Differencer

from ohlcvml.features import ReturnFeatures, ReturnMomentFeatures, TrendFeatures
from ohlcvml.models import LightGBMClassifier, LogisticClassifier, SklearnClassifier
from ohlcvml.pipeline import BarPipeline
from tests.pipeline.conftest import Witness

RETURNS, TREND = ReturnFeatures(), TrendFeatures()
MODEL = LogisticClassifier()


@pytest.mark.parametrize(
    ("pipeline", "names"),
    [
        (RETURNS * MODEL, ["ReturnFeatures", "LogisticClassifier"]),
        (StandardScaler() * MODEL, ["RowTransformer", "LogisticClassifier"]),
        (
            RETURNS * StandardScaler() * PCA(2) * MODEL,
            ["ReturnFeatures", "RowTransformer_1", "RowTransformer_2", "LogisticClassifier"],
        ),
        ((RETURNS + TREND) * MODEL, ["BarFeatureUnion", "LogisticClassifier"]),
        (RETURNS * (StandardScaler() * MODEL), ["ReturnFeatures", "RowTransformer", "Logistic..."]),
        (RETURNS * Witness() * MODEL, ["ReturnFeatures", "Witness", "LogisticClassifier"]),
        (Witness() * MODEL, ["Witness", "LogisticClassifier"]),
        ((RETURNS + TREND) * LogisticRegression(), ["BarFeatureUnion", "SklearnClassifier"]),
    ],
)
def test_operators_build_flat_pipelines(pipeline, names):
    assert isinstance(pipeline, BarPipeline)
    built = [name for name, _ in pipeline.steps]
    assert built == [name.replace("Logistic...", "LogisticClassifier") for name in names]


@pytest.mark.parametrize(
    "pipeline",
    [
        RETURNS * StandardScaler() * MODEL,
        StandardScaler() * MODEL,
        (RETURNS + ReturnMomentFeatures(windows=(5,))) * MODEL,
        RETURNS * Differencer(lags=1, na_handling="keep_na") * MODEL,
        RETURNS * SklearnClassifier(LogisticRegression()),
    ],
    ids=["scaler", "scaler alone", "union", "foreign", "scikit-learn"],
)
def test_what_is_built_fits_and_answers(pipeline, samples, bars):
    proba = pipeline.fit(samples).predict_proba(bars)
    assert proba.shape == (1200, 3)
    assert proba.notna().all(axis=1).sum() > 1000


def test_the_pipeline_is_the_steps_by_hand(samples, bars):
    model = (RETURNS * StandardScaler() * MODEL).fit(samples)
    table = RETURNS.fit_transform(bars)
    first, last = samples.stretches()[0]
    rows = table.iloc[first : last + 1].dropna().to_numpy()
    scaler = StandardScaler().fit(rows)
    scaled = table.copy()
    scaled[:] = scaler.transform(table.to_numpy())
    alone = MODEL.clone().fit(samples.with_features(scaled))
    assert alone.predict_proba(scaled).equals(model.predict_proba(bars))


def test_nested_parameters():
    model = (RETURNS + TREND) * StandardScaler() * LightGBMClassifier(n_estimators=7)
    params = model.get_params()
    assert params["LightGBMClassifier__n_estimators"] == 7
    assert params["BarFeatureUnion__ReturnFeatures__lags"] == RETURNS.lags
    model.set_params(
        LightGBMClassifier__n_estimators=9,
        BarFeatureUnion__ReturnFeatures__lags=(2,),
        RowTransformer__transformer__with_mean=False,
    )
    again = clone(model).get_params()
    assert again["LightGBMClassifier__n_estimators"] == 9
    assert again["BarFeatureUnion__ReturnFeatures__lags"] == (2,)
    assert again["RowTransformer__transformer__with_mean"] is False


def test_a_step_can_be_replaced():
    model = RETURNS * MODEL
    model.set_params(LogisticClassifier=LightGBMClassifier(n_estimators=3))
    assert isinstance(model.steps[-1][1], LightGBMClassifier)
    assert model.get_tag("model_family") == "boosting"
    model.set_params(steps=[("only", MODEL)])
    assert model.get_tag("model_family") == "linear"


def test_tags_are_those_of_the_parts():
    safe, unsafe = RETURNS * MODEL, RETURNS * Differencer(lags=1) * MODEL
    assert safe.get_tag("is_production_safe")
    assert not unsafe.get_tag("is_production_safe")  # nobody vouches for a foreign step
    assert unsafe.clone().get_tag("is_production_safe") is False
    safe.set_params(ReturnFeatures=Differencer(lags=1))
    assert not safe.get_tag("is_production_safe")
    safe.set_params(ReturnFeatures=TREND)
    assert safe.get_tag("is_production_safe")


def test_reach_is_the_sum_of_the_steps():
    model = (ReturnFeatures(lags=(7,)) + ReturnMomentFeatures(windows=(12,))) * MODEL
    assert model.lookback == 12
    assert (ReturnFeatures(lags=(7,)) * StandardScaler() * MODEL).lookback == 7
    assert (ReturnFeatures(lags=(7,)) * Witness() * MODEL).lookback is None


def test_an_unfitted_pipeline_is_not_changed_by_fitting(samples):
    scaler = StandardScaler()
    model = RETURNS * scaler * MODEL
    fitted = model.clone().fit(samples)
    assert not hasattr(scaler, "mean_")
    assert not model.steps[-1][1].is_fitted
    assert [name for name, _ in fitted.steps_] == [name for name, _ in model.steps]
    assert fitted.steps_[-1][1].is_fitted


def test_strangers_do_not_multiply():
    with pytest.raises(TypeError):
        3 * MODEL
    with pytest.raises(TypeError):
        MODEL * 3
