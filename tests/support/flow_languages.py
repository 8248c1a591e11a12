#!/usr/bin/env python3
"""Which flow is spoken in which language in tests/scenarios: a table, and exit status 1 when a flow
is missing in one of the four, when there are fewer than 150 transcripts, or when the unhappy paths
are not more than the happy ones.

A flow is spoken in a transcript that shows words which only this flow says: a run of at least eight
letters of them that no other words have; a flow that has no such run (it only leads on, or says what is given to
it) is spoken in none. A path is happy when each step of it is understood, allowed
and found; the words that say otherwise are named below.

usage: flow_languages.py [FOLDER]
"""
import glob
import os
import re
import sys

LANGUAGES = ('en', 'es', 'pl', 'ar')
LEAST = 150
# What tells a customer that something is not as they wished, by the beginning of its key.
UNHAPPY = re.compile(
    r'misunderstood|old_button|unsupported|media\.|location\.|late\.|error\.|human\.(closed|sorry|offer)|'
    r'cancel\.(none|said|let_go|still|why|kept)|cancellations\.(none|gone|decided|kept|told\.rejected)|'
    r'orders\.(none|not_found|unknown|search\.none)|history\.none|jobs\.none|photos\.none|'
    r'tracking\.(none|not_yours)|updates\.none|estimate\.(none|is_|already|changed|expired|gone|declined)|'
    r'report\.(too_|bad|wrong|let_go|still|dropped|some_lost|twice|no_order|unknown)|documents\.|'
    r'tickets\.(none|not_found|closed|full)|company\.(none|no_orders|admin|refused)|not_me\.kept|'
    r'profile\.(unreadable|wrong|email\.(same|unavailable))|register\.(already|closed)|'
    r'preferences\.(blocked|quiet\.unreadable)|back\.nothing|cards\.|stop\.|'
    r'verify\.(wrong|malformed|expired|locked|too_many|nowhere|no_other|left|shut_out|unclear|unavailable)')


def words_of(folder, language):
    """Key to its words; the forms of a plural follow one another."""
    words, key = {}, None
    with open(f'{folder}/templates/messages/{language}.yaml', encoding='utf-8') as file:
        for line in file:
            head = re.match(r'([a-z][a-z0-9_.]*):\s*(.*)', line)
            if head:
                key = head.group(1)
                words[key] = head.group(2).strip(' "|\n') + '\n'
            elif key and line.startswith('  ') and not line.strip().startswith('plural:'):
                words[key] += re.sub(r'^(zero|one|two|few|many|other|none): ', '', line.strip()).strip('"') + '\n'
    return {key: text.replace('\\"', '"') for key, text in words.items()}


def runs(text):
    """What is shown as it stands there: between the places that are filled in."""
    return [run for run in (part.strip() for part in re.split(r'\{\{[^}]*\}\}|\n', text)) if len(run) >= 8]


def keys_of(path):
    with open(path, encoding='utf-8') as file:
        text = re.sub(r'#.*', '', file.read())
    return set(re.findall(r'\b[a-z_]+(?:\.[a-z_]+)+\b', text))


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), '../..')
    flows = {os.path.basename(path)[:-5]: keys_of(path) for path in sorted(glob.glob(f'{folder}/flows/*.yaml'))}
    chats = {}
    for path in glob.glob(f'{folder}/tests/scenarios/*.chat'):
        with open(path, encoding='utf-8') as file:
            # What protects a number from its surroundings is not written in the words.
            chats[os.path.basename(path)] = re.sub('[\u2066-\u2069]', '', file.read())
    seen = {flow: dict.fromkeys(LANGUAGES, 0) for flow in flows}
    unhappy = set()
    for language in LANGUAGES:
        words = words_of(folder, language)
        mine = {name: text for name, text in chats.items() if name.startswith(language + '_')}
        everywhere = '\n'.join(words.values())
        for flow, keys in flows.items():
            if flow not in seen:
                continue
            others = set().union(*(k for f, k in flows.items() if f != flow))
            if not keys - others: # it only leads elsewhere
                seen.pop(flow, None)
                continue
            own = [run for key, text in words.items() for run in runs(text)
                   if any(key == k or key.startswith(k + '.') for k in keys - others) and everywhere.count(run) == 1]
            if own:
                seen[flow][language] = sum(any(run in text for run in own) for text in mine.values())
            else:
                seen.pop(flow, None)
        sorry = [run for key, text in words.items() if UNHAPPY.match(key) for run in runs(text)]
        unhappy |= {name for name, text in mine.items() if any(run in text for run in sorry)}
    print(f'{"flow":22}' + ''.join(f'{language:>5}' for language in LANGUAGES))
    bad = 0
    for flow, counts in seen.items():
        print(f'{flow:22}' + ''.join(f'{counts[language]:5}' for language in LANGUAGES))
        bad += sum(count == 0 for count in counts.values())
    happy = len(chats) - len(unhappy)
    print(f'{len(chats)} transcripts, {len(unhappy)} of them unhappy, {happy} happy')
    if bad:
        print(f'{bad} times a flow is not spoken in a language')
    return 1 if bad or len(chats) < LEAST or len(unhappy) <= happy else 0


sys.exit(main())
