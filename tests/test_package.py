"""The public namespace: what is promised is there, and costs nothing before it is used."""

import importlib
import pkgutil
from importlib.resources import files

import pytest

import anthrometrics
from anthrometrics import errors


def test_every_public_name_can_be_imported():
    for name in anthrometrics.__all__:
        assert getattr(anthrometrics, name) is not None


def test_star_import_gives_exactly_the_public_names():
    namespace = {}
    exec("from anthrometrics import *", namespace)
    assert set(namespace) - {"__builtins__"} == set(anthrometrics.__all__)


def test_dir_is_the_contract_and_sorted():
    assert dir(anthrometrics) == sorted(anthrometrics.__all__)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Scorrer'"):
        _ = anthrometrics.Scorrer


def test_public_classes_and_functions_are_documented():
    for name in anthrometrics.__all__:
        if name != "__version__":
            assert getattr(anthrometrics, name).__doc__, name


MODULES = sorted(
    found.name
    for found in pkgutil.walk_packages(anthrometrics.__path__, "anthrometrics.")
    if not (found.ispkg or found.name.endswith("__main__"))
)


@pytest.mark.parametrize("module", MODULES)
def test_modules_define_what_they_export(module):
    loaded = importlib.import_module(module)
    for name in loaded.__all__:
        assert hasattr(loaded, name), name


def test_typing_marker_is_part_of_the_package():
    assert files("anthrometrics").joinpath("py.typed").is_file()


def test_every_error_can_be_caught_as_one():
    for name in errors.__all__:
        assert issubclass(getattr(errors, name), anthrometrics.AnthrometricsError)


def test_errors_also_are_what_python_users_expect():
    assert issubclass(anthrometrics.InputError, ValueError)
    assert issubclass(anthrometrics.MissingExtraError, ImportError)


def test_missing_extra_names_the_command_that_mends_it():
    error = anthrometrics.MissingExtraError("pandas", "pandas")
    assert "pip install 'anthrometrics[pandas]'" in str(error)
