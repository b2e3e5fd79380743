#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
check_spec.py - compares the netlink specification with the header

Usage: check_spec.py SPEC HEADER

Names and values of all commands, attributes, constants and the multicast group,
the types of attributes as the header's comments give them, and which commands
can be done, dumped or are events. Prints each difference; exit status 1 if there
is any, 2 if a file cannot be read.
"""
import re
import sys

import yaml

# What the header's comments call the types
TYPES = {
    'u8': {'type': 'u8'},
    'u16': {'type': 'u16'},
    'u32': {'type': 'u32'},
    'u64': {'type': 'u64'},
    'flag': {'type': 'flag'},
    'nest': {'type': 'nest'},
    'string': {'type': 'string'},
    'padding': {'type': 'pad'},
    '6 bytes': {'type': 'binary', 'display-hint': 'mac', 'checks': {'exact-len': 6}},
    'struct in_addr': {'type': 'u32', 'byte-order': 'big-endian', 'display-hint': 'ipv4'},
    'struct in6_addr': {'type': 'binary', 'display-hint': 'ipv6',
                        'checks': {'exact-len': 16}},
}

differences = []


def differ(text):
    differences.append(text)


def c_name(*parts):
    return ''.join(parts).replace('-', '_').upper()


def read_enums(header):
    """Returns {enum: {enumerator: value}}, without the internal ones."""
    enums = {}
    for name, body in re.findall(r'enum (\w+) \{(.*?)\};', header, re.S):
        value, enums[name] = 0, {}
        for item in re.sub(r'/\*.*?\*/', '', body, flags=re.S).split(','):
            match = re.fullmatch(r'(\w+)(?:\s*=\s*(\S.*))?', item.strip())
            if not match or match[1].startswith('__') or match[1].endswith('_MAX'):
                continue
            value = int(match[2], 0) if match[2] else value
            enums[name][match[1]] = value
            value += 1
    return enums


def read_comments(header):
    """Returns {enumerator: its comment on one line}."""
    comments = {}
    for block in re.findall(r'/\*\*\n(.*?)\*/', header, re.S):
        text = re.sub(r'^ \*[ \t]?', '', block, flags=re.M)
        for name, comment in re.findall(r'^@(\w+): (.*?)(?=^@|^$|\Z)', text, re.S | re.M):
            comments[name] = ' '.join(comment.split())
    return comments


def read_defines(header):
    return dict(re.findall(r'^#define (\w+)[ \t]+(\S+)$', header, re.M))


def compare(what, spec, header):
    """Both are {name: value}."""
    for name in spec.keys() - header.keys():
        differ(f'{what}: {name} is not in the header')
    for name in header.keys() - spec.keys():
        differ(f'{what}: {name} is not in the specification')
    for name in spec.keys() & header.keys():
        if spec[name] != header[name]:
            differ(f'{what}: {name} is {spec[name]} in the specification, '
                   f'{header[name]} in the header')


def numbered(elements, prefix):
    value, names = 1, {}
    for element in elements:
        value = element.get('value', value)
        names[c_name(prefix, element['name'])] = value
        value += 1
    return names


def wanted_type(name, comment, whole):
    for word in TYPES:
        if re.match(rf'{re.escape(word)}\b', comment):
            return TYPES[word]
    # "counters of a device, all u64"
    if re.search(r'\ball u64\b', whole):
        return TYPES['u64']
    differ(f'{name}: the comment in the header starts with no type')
    return {}


def check_types(attribute_set, comments, whole):
    for attribute in attribute_set['attributes']:
        name = c_name(attribute_set['name-prefix'], attribute['name'])
        for key, value in wanted_type(name, comments.get(name, ''), whole).items():
            if attribute.get(key) != value:
                differ(f'{name}: {key} should be {value}, as the header says')


def check_references(spec):
    sets = {s['name']: [a['name'] for a in s['attributes']] for s in spec['attribute-sets']}
    groups = [g['name'] for g in spec['mcast-groups']['list']]
    for attribute_set in spec['attribute-sets']:
        for attribute in attribute_set['attributes']:
            if attribute['type'] == 'nest' and attribute['nested-attributes'] not in sets:
                differ(f"{attribute['name']}: no set {attribute['nested-attributes']}")
    for op in spec['operations']['list']:
        lists = [op[mode].get(way, {}).get('attributes', [])
                 for mode in ('do', 'dump') if mode in op for way in ('request', 'reply')]
        lists.append(op.get('event', {}).get('attributes', []))
        for name in sum(lists, []):
            if name not in sets[op['attribute-set']]:
                differ(f"{op['name']}: no attribute {name}")
        if 'event' in op and op.get('mcgrp') not in groups:
            differ(f"{op['name']}: no group {op.get('mcgrp')}")


def check_modes(spec, comments):
    for op in spec['operations']['list']:
        name = c_name(spec['operations']['name-prefix'], op['name'])
        modes = {mode for mode in ('do', 'dump', 'event') if mode in op}
        comment = comments.get(name, '')
        documented = set(re.findall(r'\b(do|dump|event)\b',
                                    ' '.join(re.findall(r'\(([a-z, ]+)\)', comment))))
        if modes != documented:
            differ(f'{name}: {sorted(modes)} in the specification, '
                   f'{sorted(documented)} in the header')
        if 'event' not in op and op.get('flags') != ['uns-admin-perm']:
            differ(f'{name}: does not demand CAP_NET_ADMIN')


def check(spec_text, header):
    spec = yaml.safe_load(spec_text)
    enums, comments, defines = read_enums(header), read_comments(header), read_defines(header)

    first, header_first = spec_text.splitlines()[0], header.splitlines()[0]
    if first.split('Identifier: ')[-1] != header_first.split('Identifier: ')[-1].removesuffix(' */'):
        differ(f'licences differ: {first!r}, {header_first!r}')
    compare('family', {'FLANNEL_GENL_NAME': f'"{spec["name"]}"',
                       'FLANNEL_GENL_VERSION': str(spec['version']),
                       'FLANNEL_MCGRP_TABLE': f'"{spec["mcast-groups"]["list"][0]["name"]}"'},
            {n: v for n, v in defines.items() if '_GENL_' in n or '_MCGRP_' in n})
    compare('constants', {c_name(spec['name'], '-', d['name']): str(d['value'])
                          for d in spec['definitions']},
            {n: v for n, v in defines.items() if n.startswith('FLANNEL_MAX_')})

    operations = spec['operations']
    compare('commands', numbered(operations['list'], operations['name-prefix']),
            enums[c_name(operations['enum-name']).lower()])
    for attribute_set in spec['attribute-sets']:
        enum = attribute_set['enum-name'].replace('-', '_')
        compare(enum, numbered(attribute_set['attributes'], attribute_set['name-prefix']),
                enums.get(enum, {}))
        whole = re.search(rf'\* enum {enum} - (.*)', header)
        check_types(attribute_set, comments, whole[1] if whole else '')
    described = {s['enum-name'].replace('-', '_') for s in spec['attribute-sets']}
    for enum in enums:
        if enum.endswith('_attr') and enum != 'flannel_link_attr' and enum not in described:
            differ(f'{enum} is not in the specification')
    check_modes(spec, comments)
    check_references(spec)


def main():
    if len(sys.argv) != 3:
        print(__doc__.strip(), file=sys.stderr)
        sys.exit(2)
    try:
        with open(sys.argv[1], encoding='utf-8') as spec, \
             open(sys.argv[2], encoding='utf-8') as header:
            check(spec.read(), header.read())
    except OSError as error:
        print(f'check_spec.py: {error}', file=sys.stderr)
        sys.exit(2)
    for text in differences:
        print(text)
    sys.exit(1 if differences else 0)


if __name__ == '__main__':
    main()
