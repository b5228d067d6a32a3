"""The numbers of the simulated bank: facts about the public BankChurners table (10,127 customers), and no customer of it.

Quantiles of columns, probabilities of levels, correlations, and the coefficients of the churn formula. A quantile table
gives a column's value at each of the normal scores in `KNOTS`; between two knots the value is linear in the score.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Quantiles = tuple[float, ...]

LEVELS = {
    "Attrition_Flag": ("Existing Customer", "Attrited Customer"),
    "Gender": ("F", "M"),
    "Education_Level": ("Uneducated", "High School", "College", "Graduate", "Post-Graduate", "Doctorate", "Unknown"),
    "Marital_Status": ("Single", "Married", "Divorced", "Unknown"),
    "Income_Category": ("Less than $40K", "$40K - $60K", "$60K - $80K", "$80K - $120K", "$120K +", "Unknown"),
    "Card_Category": ("Blue", "Silver", "Gold", "Platinum"),
}
COLUMNS = (
    *("CLIENTNUM", "Attrition_Flag", "Customer_Age", "Gender", "Dependent_count", "Education_Level", "Marital_Status"),
    *("Income_Category", "Card_Category", "Months_on_book", "Total_Relationship_Count", "Months_Inactive_12_mon"),
    *("Contacts_Count_12_mon", "Credit_Limit", "Total_Revolving_Bal", "Avg_Open_To_Buy", "Total_Amt_Chng_Q4_Q1"),
    *("Total_Trans_Amt", "Total_Trans_Ct", "Total_Ct_Chng_Q4_Q1", "Avg_Utilization_Ratio"),
)

# What is drawn per customer, in the order of drawing: a name put at the end of UNIFORMS leaves every other draw as it is.
SCORES = ("amount", "count", "amount_change", "count_change", "age", "tenure", "dependents", "limit", "balance")
UNIFORMS = (
    *("segment", "gender", "education", "marital", "income", "tenure_unknown", "relationships"),
    *("inactive", "contacts", "premium", "card", "balance", "overdrawn", "label"),
)

KNOTS = (-3.3, -2.3, -1.6, -1.1, -0.7, -0.35, 0.0, 0.35, 0.7, 1.1, 1.6, 2.3, 3.3)
BOUNDS: dict[str, tuple[float, float]] = {
    "Customer_Age": (18, 100),
    "Dependent_count": (0, 12),
    "Months_on_book": (0, 600),
    "Total_Relationship_Count": (1, 12),
    "Months_Inactive_12_mon": (0, 12),
    "Contacts_Count_12_mon": (0, 60),
    "Credit_Limit": (500, 1_000_000),
    "Total_Revolving_Bal": (0, 1_000_000),
    "Avg_Open_To_Buy": (0, 1_000_000),
    "Total_Amt_Chng_Q4_Q1": (0, 50),
    "Total_Trans_Amt": (100, 1_000_000),
    "Total_Trans_Ct": (1, 5_000),
    "Total_Ct_Chng_Q4_Q1": (0, 50),
    "Avg_Utilization_Ratio": (0, 0.999),
}
"""What a numeric column can be at all, wider than the public table: where a drift stops."""
NUMBER_STEP = 387_420_487  # coprime to 900,000,000, so that multiples of it visit every number once


# Segments: patterns of card use, one entry or row each. A segment shapes a customer's columns and nothing else: the
# label follows from the columns. The first four are mostly those who stay, the last four mostly those who leave.
SEGMENTS = ("quiet", "everyday", "growing", "heavy", "dormant", "fading", "stopping", "departing")
SHARE = (0.2578, 0.4606, 0.0472, 0.0738, 0.019, 0.1108, 0.009, 0.0219)
MALE = (0.61, 0.37, 0.6, 0.6, 0.61, 0.34, 0.59, 0.67)
PREMIUM = (0.05, 0.04, 0.23, 0.21, 0.04, 0.03, 0.21, 0.2)
"""Share of Silver, Gold and Platinum cards."""
LIMIT_SHIFT = (0.1, -0.15, 0.6, 0.7, -0.15, -0.3, 0.45, 0.6)
"""How far the score of the credit limit lies above that of others with the same income and card."""
ZERO_BALANCE = (0.15, 0.23, 0.1, 0.14, 0.51, 0.51, 0.49, 0.53)
"""Probability of no revolving balance, at limits above 4,500."""
FULL_BALANCE = (0.07, 0.04, 0.07, 0.05, 0.18, 0.29, 0.24, 0.26)
"""Probability of the highest balance among those who carry one."""
BALANCE_TABLE = (0, 0, 0, 0, 1, 1, 1, 1)
"""Which row of `BALANCE` the other balances come from."""
USAGE: dict[str, tuple[Quantiles, ...]] = {
    "amount": (
        (850, 1020, 1180, 1300, 1420, 1570, 1750, 1950, 2230, 2510, 2770, 2960, 3000),
        (3000, 3070, 3330, 3620, 3900, 4120, 4320, 4520, 4700, 4890, 5100, 5420, 5900),
        (6530, 6950, 7180, 7370, 7540, 7700, 7850, 8060, 8300, 8600, 8890, 9320, 9520),
        (11760, 12490, 13090, 13560, 13960, 14290, 14660, 15040, 15410, 15880, 16460, 17350, 18310),
        (510, 560, 640, 700, 740, 810, 860, 940, 1020, 1130, 1250, 1330, 1340),
        (1350, 1430, 1620, 1810, 1990, 2140, 2280, 2430, 2530, 2680, 2860, 3170, 3540),
        (3620, 3890, 4380, 4630, 4740, 4810, 4910, 5050, 5370, 5530, 5840, 6060, 6100),
        (6220, 6380, 6800, 7530, 7840, 8120, 8380, 8660, 9040, 9340, 9870, 10300, 10570),
    ),
    "count": (
        (13, 20, 24, 28, 32, 36, 40, 46, 52, 59, 67, 75, 93),
        (45, 52, 59, 64, 67, 71, 75, 78, 82, 85, 89, 94, 102),
        (64, 70, 75, 81, 84, 86, 89, 93, 97, 100, 105, 112, 120),
        (81, 88, 94, 97, 102, 106, 111, 115, 119, 123, 127, 131, 139),
        (10, 10, 13, 15, 17, 19, 22, 25, 27, 31, 35, 38, 40),
        (21, 27, 32, 36, 38, 40, 43, 45, 47, 50, 54, 60, 68),
        (40, 40, 47, 49, 51, 54, 56, 59, 63, 65, 73, 75, 78),
        (41, 51, 58, 61, 64, 66, 70, 73, 77, 81, 86, 90, 94),
    ),
    "amount_change": (
        (0.28, 0.36, 0.45, 0.53, 0.6, 0.67, 0.75, 0.84, 0.95, 1.13, 1.4, 1.83, 3.18),
        (0.31, 0.43, 0.52, 0.58, 0.64, 0.69, 0.73, 0.79, 0.85, 0.92, 1.01, 1.22, 1.65),
        (0.56, 0.59, 0.62, 0.65, 0.69, 0.71, 0.74, 0.77, 0.81, 0.85, 0.89, 0.95, 1.07),
        (0.51, 0.56, 0.62, 0.65, 0.69, 0.73, 0.76, 0.81, 0.85, 0.89, 0.97, 1.06, 1.22),
        (0.0, 0.0, 0.31, 0.39, 0.57, 0.69, 0.74, 0.84, 0.92, 1.0, 1.04, 1.06, 1.13),
        (0.01, 0.2, 0.36, 0.44, 0.51, 0.58, 0.65, 0.71, 0.77, 0.85, 0.92, 1.05, 1.41),
        (0.08, 0.16, 0.2, 0.33, 0.69, 0.96, 1.0, 1.03, 1.04, 1.05, 1.06, 1.06, 1.06),
        (0.39, 0.43, 0.58, 0.71, 0.8, 0.84, 0.89, 0.93, 0.97, 1.0, 1.04, 1.06, 1.38),
    ),
    "count_change": (
        (0.07, 0.25, 0.35, 0.44, 0.52, 0.6, 0.68, 0.78, 0.89, 1.04, 1.31, 2.0, 3.55),
        (0.37, 0.46, 0.53, 0.59, 0.64, 0.69, 0.74, 0.79, 0.84, 0.91, 1.0, 1.2, 1.6),
        (0.41, 0.44, 0.5, 0.54, 0.57, 0.61, 0.64, 0.68, 0.72, 0.77, 0.85, 0.91, 0.98),
        (0.51, 0.55, 0.61, 0.65, 0.68, 0.71, 0.75, 0.78, 0.81, 0.85, 0.91, 0.98, 1.12),
        (0.0, 0.0, 0.12, 0.21, 0.29, 0.38, 0.43, 0.53, 0.62, 0.77, 1.0, 1.5, 2.47),
        (0.0, 0.11, 0.25, 0.32, 0.39, 0.44, 0.5, 0.56, 0.62, 0.71, 0.83, 1.0, 1.24),
        (0.18, 0.24, 0.31, 0.37, 0.42, 0.47, 0.55, 0.6, 0.66, 0.77, 0.85, 0.88, 1.05),
        (0.43, 0.49, 0.56, 0.65, 0.69, 0.75, 0.79, 0.84, 0.91, 0.98, 1.07, 1.21, 1.64),
    ),
}
"""Twelve months' amount and count, and for each the fourth quarter over the first."""
USAGE_DEPENDENCE = (
    (0.77, 0.27, 0.09, 0.07, -0.06, 0.46),
    (0.45, 0.0, -0.03, 0.05, 0.01, 0.22),
    (0.39, 0.48, 0.04, 0.23, -0.09, 0.08),
    (0.22, 0.04, 0.0, -0.01, -0.04, 0.0),
    (0.68, -0.01, 0.01, -0.09, 0.08, 0.41),
    (0.37, 0.65, 0.16, 0.29, 0.45, 0.28),
    (0.3, 0.0, 0.2, 0.1, 0.37, 0.25),
    (0.09, 0.48, 0.09, 0.08, 0.26, 0.04),
)
"""Correlations of the scores of `USAGE`: the lower triangle, row by row."""
AGE_COUNT = -0.1
"""Correlation of the scores of age and count."""
RELATIONSHIPS = (
    (0.0, 0.02, 0.25, 0.24, 0.24, 0.25),
    (0.06, 0.07, 0.23, 0.21, 0.21, 0.21),
    (0.37, 0.5, 0.12, 0.0, 0.0, 0.0),
    (0.28, 0.37, 0.17, 0.1, 0.05, 0.03),
    (0.16, 0.29, 0.31, 0.06, 0.09, 0.09),
    (0.12, 0.17, 0.29, 0.14, 0.16, 0.12),
    (0.22, 0.35, 0.01, 0.21, 0.11, 0.1),
    (0.23, 0.31, 0.08, 0.14, 0.1, 0.15),
)
"""Probability of 1 to 6 products."""
INACTIVE = (
    (0.002, 0.252, 0.327, 0.369, 0.029, 0.01, 0.011),
    (0.002, 0.244, 0.323, 0.351, 0.045, 0.021, 0.013),
    (0.0, 0.276, 0.368, 0.305, 0.015, 0.023, 0.013),
    (0.0, 0.273, 0.32, 0.364, 0.015, 0.017, 0.011),
    (0.01, 0.156, 0.276, 0.411, 0.125, 0.021, 0.0),
    (0.011, 0.038, 0.326, 0.509, 0.078, 0.022, 0.015),
    (0.0, 0.055, 0.308, 0.582, 0.033, 0.011, 0.011),
    (0.005, 0.099, 0.261, 0.554, 0.068, 0.009, 0.005),
)
"""Probability of 0 to 6 months without use."""
CONTACTS = (
    (0.07, 0.066, 0.349, 0.307, 0.187, 0.022, 0.0),
    (0.04, 0.193, 0.321, 0.318, 0.119, 0.01, 0.0),
    (0.027, 0.303, 0.324, 0.345, 0.0, 0.0, 0.0),
    (0.015, 0.232, 0.353, 0.333, 0.048, 0.019, 0.0),
    (0.0, 0.078, 0.188, 0.526, 0.182, 0.026, 0.0),
    (0.006, 0.061, 0.242, 0.401, 0.215, 0.039, 0.036),
    (0.0, 0.088, 0.429, 0.385, 0.044, 0.022, 0.033),
    (0.0, 0.072, 0.257, 0.428, 0.158, 0.036, 0.05),
)
"""Probability of 0 to 6 contacts with the bank."""

# The person.
AGE = (26, 27, 33, 37, 41, 44, 46, 49, 52, 55, 59, 65, 67)
TENURE = (13, 15, 21, 26, 30, 33, 36, 39, 42, 46, 50, 56, 56)
AGE_TENURE = 0.89
"""Correlation of the scores of age and tenure, where tenure is known."""
IDLE_TENURE = 0.08
"""Correlation of months inactive and tenure, likewise."""
TENURE_UNKNOWN = 0.21
"""Share of customers whose months on book were filled in as 36."""
DEPENDENTS_BY_AGE = (2.8, -0.25, -0.48)
"""Mean number of dependents: a polynomial in (age - 46.3) / 8, lowest power first; then per standard score of the limit."""
DEPENDENTS_BY_LIMIT = 0.12
DEPENDENTS_SPREAD = 1.12
EDUCATION = (0.1468, 0.1988, 0.1, 0.3089, 0.051, 0.0445, 0.15)
MARITAL = (0.3894, 0.4628, 0.0739, 0.074)
INCOME_BY_GENDER = (
    (0.613, 0.189, 0.0, 0.0, 0.0, 0.198),
    (0.058, 0.163, 0.294, 0.322, 0.152, 0.011),
)

# The card. Limits by income, in the order of the levels; values beyond the lowest and highest limit pile up there.
LOWEST_LIMIT = 1438.3
HIGHEST_LIMIT = 34516.0
LIMIT_SPREAD = 0.96
"""Spread of the limit's score within a segment: with the segments' shifts it comes to 1."""
BLUE_LIMIT = (
    (1230, 1230, 1230, 1600, 1960, 2310, 2700, 3180, 4010, 5580, 7650, 9480, 9950),  # Less than $40K
    (1410, 1410, 1410, 1840, 2310, 2770, 3450, 4570, 6040, 8450, 11200, 14000, 15000),  # $40K - $60K
    (1140, 1140, 1840, 2470, 3310, 4850, 6780, 9550, 13200, 17400, 21400, 24000, 24600),  # $60K - $80K
    (1240, 1240, 2160, 3170, 4780, 8030, 11600, 16100, 21500, 28000, 34400, 39700, 39700),  # $80K - $120K
    (1140, 1650, 3080, 3910, 7270, 10800, 15800, 23000, 30300, 40000, 40000, 40000, 40000),  # $120K +
    (775, 775, 1670, 2320, 3010, 4030, 5800, 8290, 11200, 15700, 21500, 26800, 29800),  # Unknown
)
PREMIUM_LIMIT = (
    (10000, 10000, 10200, 10700, 11100, 12000, 12900, 13500, 14300, 15500, 16000, 16000, 16000),
    (15000, 15000, 15100, 15500, 16000, 16500, 17800, 18700, 19800, 22300, 24000, 24000, 24000),
    (25000, 25000, 25300, 26300, 27900, 29600, 32200, 34900, 34900, 34900, 34900, 34900, 34900),
    (34516, 34516, 34516, 34516, 34516, 34516, 34516, 34516, 34516, 34516, 34516, 34516, 34516),
    (34516, 34516, 34516, 34516, 34516, 34516, 34516, 34516, 34516, 34516, 34516, 34516, 34516),
    (31000, 31000, 31200, 32100, 32600, 33900, 37300, 37300, 37300, 37300, 37300, 37300, 37300),
)
PREMIUM_CARDS = (0.803, 0.168, 0.029)

# The balance: of those who stay, of those who leave.
HIGHEST_BALANCE = 2517
BALANCE = (
    (470, 580, 750, 930, 1140, 1310, 1500, 1680, 1870, 2060, 2280, 2460, 2510),
    (130, 160, 230, 430, 570, 850, 1130, 1530, 1830, 2180, 2350, 2470, 2510),
)
BY_LIMIT = (1438.3, 1600.0, 1900.0, 2300.0, 2800.0, 3500.0, 4500.0)
ZERO_ODDS_FACTOR = (5.0, 2.3, 0.95, 0.37, 0.33, 0.75, 1.0)
"""At the limits of `BY_LIMIT`, times the odds of no balance: a small limit leaves room for small balances only."""
BALANCE_SHIFT = (0.0, 0.0, 0.1, 0.5, 0.75, 0.4, 0.0)
"""At the limits of `BY_LIMIT`, added to the score of the balance: at 2,300 to 3,500 the card is used to the full."""

# The churn formula: log odds = Σ coefficient[band] · product of standardised columns.
BAND_EDGES = (3000.0, 6200.0, 11000.0)
"""Twelve months' amount that separates the four bands of spending."""
BAND_CENTRE = (7.6, 8.37, 9.0, 9.6)
BAND_SPREAD = (0.25, 0.15, 0.1, 0.1)


def standardised(columns: dict[str, NDArray[np.generic]], band: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """What the coefficients multiply: name → float64 (rows,), of mean near 0 and spread near 1, or a 0/1 fact."""
    value = {name: column.astype(np.float64) for name, column in columns.items()}
    log_amount = np.log(value["Total_Trans_Amt"])
    return {
        "amount": (log_amount - np.array(BAND_CENTRE)[band]) / np.array(BAND_SPREAD)[band],
        "count": (value["Total_Trans_Ct"] - 65) / 23,
        "amount_change": (np.minimum(value["Total_Amt_Chng_Q4_Q1"], 1.6) - 0.76) / 0.22,
        "count_change": (np.minimum(value["Total_Ct_Chng_Q4_Q1"], 1.6) - 0.71) / 0.24,
        "balance": (value["Total_Revolving_Bal"] - 1160) / 815,
        "low_balance": (value["Total_Revolving_Bal"] < 500).astype(np.float64),
        "full_balance": (value["Total_Revolving_Bal"] >= HIGHEST_BALANCE).astype(np.float64),
        "products": (value["Total_Relationship_Count"] - 3.8) / 1.55,
        "few_products": (value["Total_Relationship_Count"] <= 2).astype(np.float64),
        "inactive": (np.minimum(value["Months_Inactive_12_mon"], 4) - 2.3) / 1.0,
        "active": (value["Months_Inactive_12_mon"] == 1).astype(np.float64),
        "contacts": (value["Contacts_Count_12_mon"] - 2.45) / 1.1,
        "age": (value["Customer_Age"] - 46.3) / 8.0,
        "male": value["Gender"],
    }


LOG_ODDS: dict[tuple[str, ...], tuple[float, float, float, float]] = {
    (): (-9.83, -13.95, 2.65, -9.0),
    ("amount",): (0.83, 2.74, 1.56, 0.0),
    ("count",): (-5.3, -8.9, -4.89, 0.0),
    ("amount_change",): (-2.93, 0.76, 1.7, 0.0),
    ("count_change",): (-0.7, -2.62, 1.3, 0.0),
    ("balance",): (-0.3, -0.69, -1.51, 0.0),
    ("low_balance",): (4.9, 1.95, 1.58, 0.0),
    ("full_balance",): (3.88, 1.97, 1.18, 0.0),
    ("products",): (-1.51, -0.37, 1.6, 0.0),
    ("few_products",): (4.45, 2.88, -0.48, 0.0),
    ("inactive",): (0.81, 0.7, 1.1, 0.0),
    ("active",): (-2.04, -1.26, -0.44, 0.0),
    ("contacts",): (1.02, 0.82, 1.68, 0.0),
    ("age",): (0.63, 0.06, -0.45, 0.0),
    ("male",): (-1.77, 0.56, 0.66, 0.0),
    ("amount", "amount"): (2.98, 1.88, 1.13, 0.0),
    ("amount", "count"): (-4.86, 0.22, 1.26, 0.0),
    ("amount", "amount_change"): (-1.05, 1.23, 0.29, 0.0),
    ("amount", "count_change"): (-0.56, -0.48, 0.17, 0.0),
    ("count", "count"): (0.27, 0.8, -4.27, 0.0),
    ("count", "amount_change"): (-0.18, -0.33, 0.58, 0.0),
    ("count", "count_change"): (1.46, 1.49, 1.38, 0.0),
    ("amount_change", "amount_change"): (0.23, 0.94, 1.98, 0.0),
    ("amount_change", "count_change"): (-0.41, -1.27, 0.1, 0.0),
    ("count_change", "count_change"): (0.12, 0.52, 0.63, 0.0),
    ("age", "age"): (-1.02, -0.07, 1.12, 0.0),
}

OTHER_REGIME: dict[tuple[str, ...], tuple[float, float, float, float]] = {
    ("count",): (2.2, 2.2, 2.2, 2.2),
    ("count_change",): (0.9, 0.9, 0.9, 0.9),
    ("balance",): (-1.2, -1.2, -1.2, -1.2),
    ("products",): (1.3, 1.3, 1.3, 1.3),
    ("contacts",): (1.1, 1.1, 1.1, 1.1),
    ("inactive",): (-0.7, -0.7, -0.7, -0.7),
    ("age",): (-1.2, -1.2, -1.2, -1.2),
}
"""The formula after a concept drift: a rival woos the young who use their card much and carry little balance.

It has no intercept: one is found that keeps the share of churners.
"""

# The panel: how much of a customer's behaviour lasts from one month to the next.
PERSISTENCE = 0.9
"""Correlation of a score with itself a month later; for a uniform draw, the probability that it stays."""
CHANGING_SCORES = ("amount", "count", "amount_change", "count_change", "balance")
CHANGING_UNIFORMS = ("segment", "relationships", "inactive", "contacts", "balance", "overdrawn")
FIRST_MONTH = (2024, 1)
