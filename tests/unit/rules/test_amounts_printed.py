"""Amounts as forty countries print them, with sixty ways to write a currency: read back exactly, or refused."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from babel.numbers import format_currency, format_decimal, get_decimal_symbol
from hypothesis import given, settings
from hypothesis import strategies as st

from scraper.rules.types import NotOfType, to_float, to_int, to_money, to_price

LOCALES = """
    en_US en_GB en_IN en_ZA en_AU en_CA de_DE de_AT de_CH fr_FR fr_CH fr_CA es_ES es_MX es_AR pt_BR
    pt_PT it_IT it_CH nl_NL da_DK nb_NO sv_SE fi_FI pl_PL cs_CZ sk_SK hu_HU ro_RO bg_BG ru_RU uk_UA
    el_GR tr_TR he_IL ar_EG fa_IR hi_IN bn_BD th_TH ja_JP zh_CN ko_KR vi_VN id_ID
""".split()
SPELLINGS = """
    € $ £ ¥ ₹ ₽ ₺ ₴ ₩ ₪ ₫ ฿ ₦ ₱ ₡ ₲ ₵ ₸ ₾ zł Kč Ft lei лв лв. руб. грн kr kr. Kr. Rs Rs. Re. Fr. CHF
    sFr. EUR USD GBP SEK NOK DKK PLN INR US$ A$ C$ R$ NZ$ HK$ NT$ S/ S/. B/. RM Rp Rp. TL Dhs AED SAR
    د.إ. ر.س. KWD KD د.ك. BHD TND د.ت. Bs. L. Q R KSh Br ден. din. ¢ 元 円 원 บาท €uro Euro euros dollars
    rupees
""".split()
#: Beside these a point before three digits is refused.
WITH_POINT = frozenset("$ £ ₹ ₪ ฿ ₦ ₱ ₵ Rs Rs. USD GBP INR US$ A$ C$ NZ$ HK$ NT$ RM KSh".split())
#: Half of them are round, or begin with few digits, as prices do.
CENTS = st.one_of(
    st.decimals("0.01", "99999999", places=2),
    st.decimals("0.01", "9999", places=2),
    st.decimals(1, 9_999_999, places=0),
    st.decimals("0.1", "99999", places=1),
)
AMOUNTS = CENTS | st.decimals("0.001", "9999", places=3)


def _printed(amount: Decimal, locale: str, grouped: bool) -> str:
    places = -int(amount.as_tuple().exponent)
    return str(
        format_decimal(amount, "#,##0" + ("." + "0" * places if places else ""), locale, group_separator=grouped)
    )


def _is_read_back(read: Callable[[str], Any], text: str, amount: Decimal) -> None:
    try:
        found = read(text)
    except NotOfType:
        return
    assert found == float(amount), text


@settings(max_examples=1_200, deadline=None, derandomize=True)
@given(
    AMOUNTS,
    st.sampled_from(LOCALES),
    st.sampled_from(SPELLINGS),
    st.booleans(),
    st.sampled_from(["", " ", "\u00a0", "\u202f"]),
    st.booleans(),
    st.sampled_from(["", "-"]),
)
def test_an_amount_with_its_currency_is_read_back_or_refused(
    amount: Decimal, locale: str, spelling: str, is_before: bool, gap: str, grouped: bool, sign: str
) -> None:
    number = _printed(amount, locale, grouped)
    text = f"{sign}{spelling}{gap}{number}" if is_before else f"{sign}{number}{gap}{spelling}"
    wanted = -amount if sign else amount
    if _could_be_thousands(number) and not (spelling in WITH_POINT and "." in number):
        return
    _is_read_back(to_price, text, wanted)
    _is_read_back(lambda one: to_money(one)["amount"], text, wanted)


def _could_be_thousands(number: str) -> bool:
    """Tell whether an amount has three decimals that docs/rules.md says are read as a thousand."""
    digits = "".join(one if one.isdecimal() else "." for one in number)
    whole, mark, decimals = digits.rpartition(".")
    return bool(mark) and "." not in whole and len(decimals) == 3


@settings(max_examples=500, deadline=None, derandomize=True)
@given(CENTS, st.sampled_from(LOCALES), st.sampled_from("EUR USD JPY KWD INR CHF PLN BRL".split()), st.booleans())
def test_an_amount_in_the_form_of_its_country_is_read_back_or_refused(
    amount: Decimal, locale: str, currency: str, negative: bool
) -> None:
    wanted = -amount if negative else amount
    text = format_currency(wanted, currency, locale=locale, currency_digits=False, decimal_quantization=False)
    _is_read_back(to_price, text, wanted)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(AMOUNTS, st.sampled_from(LOCALES), st.booleans(), st.sampled_from(["", " km", " reviews", "%"]))
def test_a_number_is_read_back_or_refused(amount: Decimal, locale: str, grouped: bool, unit: str) -> None:
    number = _printed(amount, locale, grouped)
    if not (_could_be_thousands(number) and get_decimal_symbol(locale) != "."):
        try:
            found = to_float(number + unit)
        except NotOfType:
            found = float(amount)
        if not (_could_be_thousands(number) and amount == int(amount)):  # 1.234 is 1.234 there, says docs/rules.md
            assert found == float(amount), number
    if amount.as_tuple().exponent == 0:
        _is_read_back(to_int, number + unit, amount)


@pytest.mark.parametrize("locale", LOCALES)
def test_the_usual_amount_of_a_country_is_read(locale: str) -> None:
    for amount in (Decimal("1234.50"), Decimal("0.99"), Decimal("12345678.90"), Decimal("-5.25")):
        for currency in ("EUR", "USD", "PLN"):
            assert to_price(format_currency(amount, currency, locale=locale)) == float(amount)
