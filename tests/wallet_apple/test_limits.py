"""So much in a minute from one address, and no more memory than that takes."""

from datetime import timedelta

from wallet_apple.limits import PerMinute


def test_each_address_has_its_own_count_and_each_minute_begins_anew(now):
    limit = PerMinute(2)
    assert [limit.allows("a", now) for _ in range(3)] == [True, True, False]
    assert limit.allows("b", now)
    assert not limit.allows("a", now + timedelta(seconds=59))
    assert limit.allows("a", now + timedelta(seconds=60))


def test_a_flood_of_addresses_lets_nobody_new_in(now):
    limit = PerMinute(5, most_callers=3)
    assert all(limit.allows(name, now) for name in "abc")
    assert not limit.allows("d", now)
    assert limit.allows("a", now)
    assert limit.allows("d", now + timedelta(minutes=1))
