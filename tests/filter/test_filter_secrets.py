"""The fake secrets of a scanner's own fixtures: all that the scanner reports are gone."""

from __future__ import annotations

import pytest

from corpusforge.filter.redact import redact

REPORTED = {
    # What detect-secrets 1.5.0 reports for each file with its default plugins and filters,
    # allow-list comments ignored; values cut so that no scanner takes this file for a leak.
    "config.env": ["gX69YO4CvBsVjzAwYx"],
    "config.ini": ["123456789a1234", "23456789a1", "456789123a", "567891234b", "12345678901234",
                   "real_secret_which_isnt_an_i_d = vh987tyw9eh"],
    "config.md": ["ToCynx5Se4e2PtoZ"],
    "config.yaml": ["1234567890a", "AKIATESTTEST", "allowlisted_api_key: 'ToCynx5Se4e2", "MjNjcnh1IDJi"],
    "files__private_key": ["BEGIN OPENSSH PRIVATE KEY", "somethingSuperRandom"],
    "short_files__last_line.ini": ["hunter2", "password123", "BEEF0123456789a"],
    "short_files__middle_line.yml": ["thequickbrownfoxjumps"],
}  # fmt: skip
KEPT = {
    "config.ini": ["keyB = value1", "foreign_key_id = vh987tyw9eh"],
    "config.yaml": ["not_secret", "203db13e-70c7", "allowlisted_id: 'ToCynx5Se4e2"],
    "short_files__middle_line.yml": ["aaronloo", "Yelp/detect-secrets"],
}


@pytest.mark.parametrize("name", sorted(REPORTED))
def test_reported_values_are_gone(data, name):
    text = (data / "code" / "fake-secrets" / name).read_text("utf-8")
    found = redact(text, ("secrets.v1",))
    assert all(value in text for value in REPORTED[name])
    assert [value for value in REPORTED[name] if value in found.text] == []
    assert all(value in found.text for value in KEPT.get(name, []))


def test_real_configuration_keeps_its_shape(data):
    text = (data / "code" / "fake-secrets" / "config.ini").read_text("utf-8")
    found = redact(text, ("secrets.v1",)).text
    assert found.count("\n") == text.count("\n")
    assert "password = <SECRET:assigned>\n" in found


@pytest.mark.parametrize("n", range(6))
def test_private_key_cut_off_at_the_end_of_a_text(n):
    head = (
        "-----BEGIN "
        + ("RSA ", "EC ", "OPENSSH ", "", "DSA ", "ENCRYPTED ")[n]
        + "PRIVATE"
        + " KEY-----"
    )
    found = redact(f"x\n{head}\nMIIEow+/AbCd\nEfGh")
    assert found.text == "x\n<PRIVATE_KEY>"


def test_a_key_in_chinese_text():
    key = "LT" + "AI5tAbCdEfGhIjKlMnOpQr"
    assert redact(f"密钥是{key}，请勿外传").text == "密钥是<SECRET:aliyun_key>，请勿外传"
