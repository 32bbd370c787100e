from sipdiag.base.lazy import lazy


class Slow:
    def __init__(self) -> None:
        self.asked = 0

    @lazy
    def answer(self) -> int:
        """What it is."""
        self.asked += 1
        return 42


def test_is_worked_out_when_asked_for_and_once() -> None:
    one, other = Slow(), Slow()
    assert one.asked == 0
    assert (one.answer, one.answer) == (42, 42)
    assert (one.asked, other.asked) == (1, 0)


def test_keeps_its_documentation() -> None:
    assert Slow.answer.__doc__ == "What it is."
