"""The small cache keeps what came last, from several threads as well."""

from concurrent.futures import ThreadPoolExecutor

from wallet_apple.recent import Recent


def test_the_oldest_goes_first():
    recent: Recent[int, str] = Recent(3)
    for number in range(5):
        recent.put(number, str(number))
    assert [recent.get(number) for number in range(5)] == [None, None, "2", "3", "4"]


def test_a_known_key_is_replaced_without_loss():
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    recent.put("a", 3)
    assert (recent.get("a"), recent.get("b"), len(recent)) == (3, 2, 2)


def test_many_threads():
    recent: Recent[int, int] = Recent(10)

    def use(start: int) -> bool:
        for number in range(start, start + 2000):
            recent.put(number % 37, number % 37)
            if recent.get(number % 37) not in {None, number % 37}:
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(use, range(4)))
    assert len(recent) == 10
