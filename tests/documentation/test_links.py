"""Links between the pages lead somewhere, on the built site as in the repository."""

import pytest

from tests.documentation.prose import Page, pages


@pytest.mark.parametrize("one", pages(), ids=lambda one: one.name)
def test_the_links_of_a_page_lead_somewhere(one: Page) -> None:
    broken = []
    for link in one.links:
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        path = (one.path.parent / target).resolve() if target else one.path
        if not path.exists() or (anchor and anchor not in Page(path).anchors):
            broken.append(link)
    assert broken == []
