"""Rules as the CRD holds them."""

from taskfleet.api.schema import Rule


def test_a_plain_message_stays_as_it_is() -> None:
    assert Rule("has(self.a)", "set a.").as_schema() == {"rule": "has(self.a)", "message": "set a."}


def test_a_message_shows_the_values_seen() -> None:
    rule = Rule("self.min <= self.max", 'min is {self.min}, 50% above "max" {self.max}.')
    assert rule.as_schema() == {
        "rule": "self.min <= self.max",
        "message": 'min is <min>, 50% above "max" <max>.',
        "messageExpression": r'"min is %s, 50%% above \"max\" %s.".format([self.min, self.max])',
    }


def test_a_rule_about_one_of_several_fields_names_it() -> None:
    entry = Rule("!has(self.a)", "remove a.", field="a", optional_old_self=True).as_schema()
    assert (entry["fieldPath"], entry["optionalOldSelf"]) == (".a", True)
