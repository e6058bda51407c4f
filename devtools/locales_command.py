"""`dev.py locales`: write the English texts, and say what the other languages have to do."""

import argparse
from collections.abc import Sequence

from devtools.console import say
from devtools.locales import (
    ENGLISH,
    differences,
    english_of,
    languages,
    read,
    read_nodes,
    texts_of,
    write,
)
from devtools.translated import update_record


def command_locales(arguments: Sequence[str]) -> int:
    """Write the English texts of the nodes; list what other languages lack, and what is outdated.

    A translation whose English has changed is outdated until it is changed as well, or until
    --done says that it needs no change.
    """
    parser = argparse.ArgumentParser(prog="dev.py locales", description=command_locales.__doc__)
    others = languages()
    parser.add_argument(
        "--done",
        nargs="*",
        choices=others,
        metavar="LANGUAGE",
        help="what is listed with ~ is right as it is, in all languages or in those named",
    )
    options = parser.parse_args(arguments)
    done = set() if options.done is None else set(options.done or others)
    english = english_of(read_nodes())
    write(ENGLISH, english)
    say(f"{ENGLISH}: {len(texts_of(english))} texts")
    is_complete = True
    outdated = update_record(done)
    for language in others:
        missing, left_over = differences(english, read(language))
        lagging = outdated[language]
        is_complete = is_complete and not (missing or left_over or lagging)
        say(
            f"{language}: {len(missing)} missing (-), {len(left_over)} left over (+), "
            f"{len(lagging)} whose English has changed (~)"
        )
        for mark, places in (("-", missing), ("+", left_over), ("~", lagging)):
            for place in places:
                say(f"    {mark} {place}")
    return 0 if is_complete else 1
