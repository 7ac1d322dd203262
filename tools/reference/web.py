# SPDX-License-Identifier: Apache-2.0
"""Makes the reference as HTML: a page for each header and an index; no script, no external file."""
import html
import re

from headers import fill_folder
from prose import CODE, blocks, brief

STYLE = """\
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --link: light-dark(#05c, #8bf);
  --dim: light-dark(#555, #aaa); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 58rem; margin: 0 auto; padding: 1rem;
  overflow-wrap: break-word; background: light-dark(#fff, #16181c);
  color: light-dark(#1c1e21, #dcdfe4); }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; font-family: ui-monospace, monospace; }
h3 { font-size: 1rem; margin-bottom: .3rem; }
section { border-top: 1px solid var(--line); margin-top: 1.5rem; }
pre { overflow-x: auto; background: var(--soft); padding: .6rem .8rem; border-radius: 4px; }
pre, code { font: 0.875em/1.45 ui-monospace, monospace; tab-size: 8; }
p code, li code, dd code { white-space: nowrap; }
.comment, .dim { color: var(--dim); }
ul.index { list-style: none; padding: 0; columns: 17rem; }
dl.index dt { font-family: ui-monospace, monospace; font-size: .9em; }
dl.index dd { margin: 0 0 .5rem 1.2rem; color: var(--dim); }
nav { font-size: .9rem; }
"""


class Page:
    """Turns text into HTML, with links to the items that it names."""

    def __init__(self, world):
        self.world = world

    def link(self, word, shown=None):
        """Returns a link to the item that WORD names, or its text."""
        item = self.world.homes.get(word)
        shown = html.escape(shown or word)
        if not item:
            return shown
        target = self.world.of_init.get(item.name, item.name)
        return f'<a href="{item.header.name}.html#{target}">{shown}</a>'

    def marked(self, text, parameters=()):
        """Returns a paragraph: names are links, PARAMETERS (in capitals) are variables."""
        names = {re.findall(r"\w+", re.sub(r"\(\*(\w+)\).*", r"\1", p))[-1] for p in parameters}
        out = []
        for word in re.split(rf"(weir/\w+\.h\b|\bweir_\w+(?:\(\))?|\bWEIR_\w+|{CODE}|"
                             r"`[^`]+`|\b[A-Z][A-Z0-9_]*\b)", text):
            name = word.rstrip("()")
            if name in self.world.homes:
                out.append(f"<code>{self.link(name, word)}</code>")
            elif re.fullmatch(r"weir/\w+\.h", word) and word != "weir/weir.h":
                out.append(f'<a href="{word[5:-2]}.html">{word}</a>')
            elif word.lower() in names and word.isupper():
                out.append(f"<var>{word.lower()}</var>")
            elif word.startswith("`") and len(word) > 2 or re.fullmatch(CODE, word):
                out.append(f"<code>{html.escape(word.strip('`'))}</code>")
            else:
                out.append(html.escape(word))
        return "".join(out)

    def prose(self, lines, parameters=(), level=3):
        """Returns a comment."""
        out, within = [], None
        for kind, text in blocks(lines):
            wanted = {"item": "ul", "table": "pre"}.get(kind)
            if within and within != wanted:
                out.append(f"</{within}>")
            if wanted and within != wanted:
                out.append(f"<{wanted}>")
            within = wanted
            text = html.escape(text) if kind == "table" else self.marked(text, parameters)
            tag = {"item": "li", "head": f"h{level}", "text": "p"}.get(kind)
            out.append(f"<{tag}>{text}</{tag}>" if tag else text)
        return "\n".join(out + ([f"</{within}>"] if within else []))

    def code(self, text):
        """Returns a declaration as in the header; names are links."""
        out = []
        for part in re.split(r"(/\*.*?\*/)", text, flags=re.S):
            words = re.split(r"(\b(?:weir|WEIR)_\w+)", part)
            text = "".join(self.link(word) for word in words)
            out.append(f'<span class="comment">{text}</span>' if part.startswith("/*") else text)
        return "<pre>" + "".join(out) + "</pre>"

    def document(self, title, body):
        """Returns a whole page."""
        links = " · ".join(f'<a href="{h.name}.html">{h.name}.h</a>' for h in self.world.headers)
        return (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
                f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
                f"<title>{html.escape(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
                f'<nav><a href="index.html">weir</a> · {links}</nav>\n{body}\n</body>\n</html>\n')


def shown_name(item):
    """Returns the name of ITEM as C uses it."""
    plain = {"function": item.name + "()", "macro": item.name}
    return plain.get(item.kind, f"{item.kind} {item.name}")


def capital(text):
    """Returns TEXT as a sentence."""
    return text[:1].upper() + text[1:]


def item_section(page, item):
    """Returns one function, struct, enum or macro."""
    if item.kind == "note":
        return "<section>\n" + page.prose(item.comment) + "\n</section>"
    text, users = item.text, ""
    if item.kind in ("struct", "enum"):
        links = [page.link(name, name + "()") for name in page.world.users(item)]
        users = f'<p class="dim">Used by <code>{"</code>, <code>".join(links)}</code></p>\n'
        users = users if links else ""
    if item.kind == "function":
        inner = ",\n\t".join(item.parameters)
        text = f"{item.result} {item.name}({inner});" if len(item.parameters) > 2 else text + ";"
    if item.init:
        text += f"\n\nstruct {item.name} x = {item.init};"
    if item.kind == "struct" and not item.fields:
        users = "<p>Only the library knows its members; programs hold pointers to it.</p>\n" + users
    title = html.escape(shown_name(item))
    return (f'<section id="{item.name}">\n<h2>{title}</h2>\n{page.code(text)}\n'
            f"{page.prose(item.comment, item.parameters)}\n{users}</section>")


def header_page(page, header):
    """Returns the page of a header."""
    shown = [i for i in header.items if i.name not in page.world.of_init]
    out = [f"<h1>{header.path}</h1>", f"<p>{page.marked(capital(header.summary))}</p>",
           f"<pre>#include &lt;{header.path}&gt;</pre>", '<ul class="index">']
    out += [f"<li>{page.link(item.name, shown_name(item))}</li>" for item in shown if item.name]
    out += ["</ul>", page.prose(header.comment)]
    out += [item_section(page, item) for item in shown]
    return page.document(header.path, "\n".join(out))


def index_page(page):
    """Returns the list of all functions and structs, header by header."""
    out = ["<h1>weir: the public functions</h1>",
           '<p>Made from the headers. <code>#include &lt;weir/weir.h&gt;</code> has them all; each '
           "has a manual page of its name, too (<code>man 3 weir_queue_open</code>).</p>"]
    for header in page.world.headers:
        out.append(f'<section>\n<h2><a href="{header.name}.html">{header.path}</a></h2>\n'
                   f'<p>{page.marked(capital(header.summary))}</p>\n<dl class="index">')
        for item in header.items:
            if item.kind in ("function", "struct", "enum"):
                out.append(f"<dt>{page.link(item.name, shown_name(item))}</dt>"
                           f"<dd>{page.marked(brief(item.comment), item.parameters)}</dd>")
        out.append("</dl>\n</section>")
    return page.document("weir: the public functions", "\n".join(out))


def write(world, folder):
    """Writes all pages to FOLDER."""
    page = Page(world)
    texts = {"index": index_page(page)}
    texts.update({header.name: header_page(page, header) for header in world.headers})
    fill_folder(folder, {f"{name}.html": text for name, text in texts.items()})
