"""The table spec: what is read, what is refused, and that the refusal names the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidegate.customers.spec import Column, TableSpec, load_spec, parse_spec
from tidegate.errors import SpecRefused

HEAD = 'name = "t"\n'
AGE = '[columns.age]\nkind = "integer"\n'
PLAN = '[columns.plan]\nkind = "category"\nlevels = ["basic", "gold"]\n'


def refusal(text: str) -> str:
    with pytest.raises(SpecRefused) as caught:
        parse_spec(text, "here.toml")
    assert caught.value.remedy
    assert "here.toml" in caught.value.detail
    return caught.value.detail


def test_the_shipped_spec_reads_and_has_nineteen_features() -> None:
    spec = load_spec("bank")
    assert (spec.id, spec.label, spec.positive) == ("clientnum", "attrition_flag", "Attrited Customer")
    assert len(spec.feature_columns) == 19
    assert [ratio.name for ratio in spec.ratios] == [
        "tenure_per_age",
        "utilisation_per_age",
        "credit_lim_per_age",
        "total_trans_amt_per_credit_lim",
        "total_trans_ct_per_credit_lim",
    ]


def test_columns_take_their_names_from_the_headings_and_keep_their_order() -> None:
    spec = parse_spec(HEAD + PLAN + AGE)
    assert [column.name for column in spec.feature_columns] == ["plan", "age"]


def test_roles_are_no_features() -> None:
    spec = parse_spec(
        'name = "t"\nid = "who"\nlabel = "left"\npositive = "1"\ntime = "month"\ngroup = "home"\n'
        'opt_out = "never"\nlast_contact = "called"\n'
        + AGE
        + '[columns.month]\nkind = "integer"\n[columns.never]\nkind = "boolean"\n[columns.called]\nkind = "date"\n'
        + '[columns.home]\nkind = "integer"\n[columns.secret]\nkind = "number"\nfeature = false\n'
    )
    assert [column.name for column in spec.feature_columns] == ["age"]


def test_spacing_and_comments_do_not_change_the_digest_and_meaning_does() -> None:
    plain = parse_spec(HEAD + AGE).digest
    assert parse_spec("# a comment\n" + HEAD + "\n\n" + AGE).digest == plain
    assert parse_spec(HEAD + AGE + "nullable = true\n").digest != plain


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (HEAD + "wrong = 1\n" + AGE, "wrong"),
        (HEAD + 'text = "x"\n' + AGE, "text"),
        (HEAD + AGE + "wrong = 1\n", "columns.age.wrong"),
        (HEAD + AGE + '[[ratios]]\nname = "r"\nnumerator = "age"\ndenominator = "age"\nwrong = 1\n', "ratios.0.wrong"),
        (HEAD + AGE + '[[rules]]\nname = "r"\ncheck = "age <= 1"\nwrong = 1\n', "rules.0.wrong"),
        (HEAD + AGE + '[[segments]]\ncolumn = "age"\nwrong = 1\n', "segments.0.wrong"),
        (HEAD + AGE + "[money]\ncustomer_value = 1\ncontact_cost = 1\nacceptance_rate = 0.5\nwrong = 1\n", "money.wrong"),
        (HEAD + AGE + "[wrong]\n", "wrong"),
    ],
)
def test_an_unknown_key_is_refused_by_name_at_every_level(text: str, key: str) -> None:
    assert f"unknown key `{key}`" in refusal(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "name"),
        (HEAD, "columns"),
        (HEAD + "[columns]\n", "no column is left"),
        ("name = \n", "not TOML"),
        (HEAD + HEAD + AGE, "not TOML"),
        (HEAD + "a = " + "9" * 5_000 + "\n" + AGE, "number too long"),
        (HEAD + "a = " + "[" * 5_000, "nested too deeply"),
        ('name = "Big Bank"\n' + AGE, "name"),
        (HEAD + "columns = 5\n", "columns"),
        (HEAD + "[columns]\nage = 5\n", "columns.age"),
        (HEAD + '[columns.age]\nkind = "text"\n', "columns.age.kind"),
        (HEAD + '[columns."Customer Age"]\nkind = "integer"\n', "write [columns.customer_age]"),
        (HEAD + '[columns.""]\nkind = "integer"\n', "write [columns.column]"),
        (HEAD + '[columns.customer_id]\nkind = "integer"\n', "reserved"),
        (HEAD + AGE + 'name = "other"\n', "taken from the heading"),
        (HEAD + AGE + "limit = [5, 1]\n", "`limit` must be [low, high]"),
        (HEAD + AGE + "limit = [nan, nan]\n", "`limit` must be [low, high]"),
        (HEAD + AGE + "expected = [1]\n", "expected"),
        (HEAD + AGE + 'levels = ["a"]\n', "belong to a category"),
        (HEAD + AGE + 'unknown = "other"\n', "belong to a category"),
        (HEAD + '[columns.plan]\nkind = "category"\n', "needs `levels`"),
        (HEAD + PLAN + "limit = [0, 1]\n", "not a range"),
        (HEAD + '[columns.plan]\nkind = "category"\nlevels = ["a", "a"]\n', "lists a level twice"),
        (HEAD + '[columns.plan]\nkind = "category"\nlevels = ["(other)"]\nunknown = "other"\n', "stands for every unlisted level"),
        (HEAD + PLAN + 'normalise = ["upper"]\n', "normalise"),
        (HEAD + '[columns.plan]\nkind = "category"\nlevels = ["Basic"]\nnormalise = ["lower"]\n', "'basic'"),
        (HEAD + PLAN + '[columns.plan.replace]\nx = "y"\ny = "z"\n', "can never be read"),
        ('name = "t"\nid = "Client Num"\n' + AGE, "write 'client_num'"),
        ('name = "t"\nid = ""\n' + AGE, "id"),
        ('name = "t"\nlabel = "left"\n' + AGE, "positive"),
        ('name = "t"\nlabel = "left"\npositive = "1"\nnegative = "1"\n' + AGE, "the same value"),
        ('name = "t"\nlabel = "left"\npositive = ""\n' + AGE, "positive: this value means missing"),
        ('name = "t"\nmissing = ["", "NA"]\nlabel = "left"\npositive = "1"\nnegative = "NA"\n' + AGE, "negative: this value means missing"),
        ('name = "t"\nlabel = "who"\nid = "who"\npositive = "1"\n' + AGE, "already has another role"),
        ('name = "t"\ntime = "month"\n' + AGE, "declare [columns.month]"),
        ('name = "t"\ntime = "plan"\n' + AGE + PLAN, "kind integer or date"),
        ('name = "t"\nopt_out = "age"\n' + AGE + PLAN, "kind boolean"),
        ('name = "t"\nlast_contact = "age"\n' + AGE + PLAN, "kind date"),
        ('name = "t"\nid = "age"\n' + AGE, "no column is left"),
        (HEAD + AGE + '[[ratios]]\nname = "age"\nnumerator = "age"\ndenominator = "age"\n', "'age' is taken"),
        (HEAD + AGE + '[[ratios]]\nname = ""\nnumerator = "age"\ndenominator = "age"\n', "ratios"),
        (HEAD + AGE + '[[ratios]]\nname = "r"\nnumerator = "nothing"\ndenominator = "age"\n', "'nothing' is not a number column"),
        (HEAD + AGE + PLAN + '[[ratios]]\nname = "r"\nnumerator = "age"\ndenominator = "plan"\n', "'plan' is not a number column"),
        (HEAD + AGE + '[[ratios]]\nname = "r"\nnumerator = "age"\ndenominator = "age"\nfactor = 0\n', "`factor`"),
        (HEAD + AGE + '[[ratios]]\nname = "r"\nnumerator = "age"\ndenominator = "age"\nfactor = nan\n', "`factor`"),
        (HEAD + AGE + '[[rules]]\nname = "r"\ncheck = "age <= nothing"\n', "'nothing' is not a number column"),
        (HEAD + AGE + '[[rules]]\nname = "r"\ncheck = "abs <= 3"\n', "'abs' is not a number column"),
        (HEAD + AGE + '[[rules]]\nname = "r"\ncheck = "2 <= 1"\n', "reads no column"),
        (HEAD + AGE + '[[rules]]\nname = "r"\ncheck = "age"\n', "exactly one comparison"),
        (HEAD + AGE + '[[rules]]\nname = "r"\ncheck = "age <= 1"\ntolerance = -1\n', "rules.0.tolerance"),
        (HEAD + AGE + '[[rules]]\nname = "r"\ncheck = "age <= 1"\n' * 2, "two rules share a name"),
        (HEAD + AGE + '[[segments]]\ncolumn = "nothing"\n', "'nothing' is not a column"),
        (HEAD + AGE + PLAN + '[[segments]]\ncolumn = "plan"\nedges = [1]\n', "`edges` cannot cut it"),
        (HEAD + AGE + "[money]\ncontact_cost = 1\nacceptance_rate = 0.5\n", "customer_value"),
        (HEAD + AGE + "[money]\ncustomer_value = 1\ncontact_cost = -1\nacceptance_rate = 0.5\n", "money.contact_cost"),
        (HEAD + AGE + "[money]\ncustomer_value = 1\ncontact_cost = nan\nacceptance_rate = 0.5\n", "money.contact_cost"),
        (HEAD + AGE + "[money]\ncustomer_value = 1\ncontact_cost = 1\nacceptance_rate = 2\n", "money.acceptance_rate"),
        (HEAD + AGE + '[money]\ncustomer_value_column = "nothing"\ncontact_cost = 1\nacceptance_rate = 1\n', "money.customer_value_column"),
    ],
)
def test_an_inconsistent_spec_is_refused_and_the_place_named(text: str, says: str) -> None:
    assert says in refusal(text)


def test_the_same_checks_hold_for_a_spec_that_is_built_in_memory() -> None:
    with pytest.raises(ValueError, match="not valid Unicode"):
        Column(name="plan", kind="category", levels=("\ud800",))
    with pytest.raises(ValueError, match="no column is left"):
        TableSpec(name="t", columns={})


def test_a_spec_is_found_by_path_and_by_shipped_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + AGE, encoding="utf-8")
    assert load_spec(str(path)).name == "t"
    assert load_spec(str(path)).text == HEAD + AGE
    assert load_spec("bank").name == "bank"


@pytest.mark.parametrize("source", ["nobody", "../specs/bank", "missing.toml", "bank/../bank"])
def test_a_spec_that_is_not_there_is_refused(source: str) -> None:
    with pytest.raises(SpecRefused):
        load_spec(source)


def test_a_folder_or_other_bytes_are_no_spec(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    for name in ("folder.toml", "bytes.toml"):
        with pytest.raises(SpecRefused):
            load_spec(str(tmp_path / name))
