"""Headers as column names."""

from __future__ import annotations

import pytest

from tidegate.customers.names import snake_case


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Customer_Age", "customer_age"),
        ("Total_Ct_Chng_Q4_Q1", "total_ct_chng_q4_q1"),
        ("CLIENTNUM", "clientnum"),
        ("customerID", "customer_id"),
        ("HTTPServer", "http_server"),
        ("MonthlyCharges", "monthly_charges"),
        ("  padded name  ", "padded_name"),
        ("Net income (EUR)", "net_income_eur"),
        ("a--b__c", "a_b_c"),
        ("_private_", "private"),
        ("2020 sales", "2020_sales"),
        ("", ""),
        ("  ", ""),
        ("年龄", ""),
        ("=cmd|' /C calc'!A0", "cmd_c_calc_a0"),
    ],
)
def test_a_header_becomes_a_snake_case_name(header: str, name: str) -> None:
    assert snake_case(header) == name
    assert snake_case(name) == name
