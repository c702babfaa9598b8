"""The small cache keeps what was used last, from several threads as well."""

from concurrent.futures import ThreadPoolExecutor

from wallet_apple.recent import Recent


def test_what_was_put_last_is_kept():
    recent: Recent[int, int] = Recent(3)
    for number in range(100):
        recent.put(number, number)
        for kept in range(max(0, number - 2), number + 1):
            assert recent.get(kept) == kept
        assert len(recent) <= 6
    assert recent.get(50) is None


def test_what_is_used_stays():
    recent: Recent[str, int] = Recent(3)
    recent.put("dear", 1)
    for number in range(50):
        recent.put(str(number), number)
        assert recent.get("dear") == 1


def test_a_known_key_is_replaced():
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    recent.put("a", 3)
    assert (recent.get("a"), recent.get("b")) == (3, 2)


def test_many_threads():
    recent: Recent[int, int] = Recent(10)

    def use(start: int) -> bool:
        for number in range(start, start + 5000):
            key = number % 37
            recent.put(key, key)
            if recent.get(key) not in {None, key}:
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(use, range(4)))
    assert len(recent) <= 30
