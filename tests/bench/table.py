"""The figures, for a terminal and as Markdown."""

HEADINGS = ("", "", "wall", "beside dbb", "client CPU", "server CPU", "peak memory", "stored", "beside dbb")


def size(value):
    """Bytes with binary units."""
    number, units = float(value), ["B", "KiB", "MiB", "GiB", "TiB"]
    while number >= 1024 and len(units) > 1:
        number, units = number / 1024, units[1:]
    return f"{number:.0f} {units[0]}" if number >= 100 or units[0] == "B" else f"{number:.1f} {units[0]}"


def _cells(rows):
    """Rows as text; ratios are against dbb's first row under the same title: 2.00x takes twice as much."""
    first, shown = {}, None
    for title, label, sample in rows:
        base = first.setdefault(title, sample)
        alone = sum(1 for other in rows if other[0] == title) == 1
        yield (title if title != shown else "", label, f"{sample.wall:.2f}s",
               "" if alone else f"{sample.wall / base.wall:.2f}x",
               f"{sample.client_cpu:.2f}s", f"{sample.server_cpu:.2f}s" if sample.server_cpu else "",
               size(sample.memory) if sample.memory else "", size(sample.stored) if sample.stored else "",
               f"{sample.stored / base.stored:.2f}x" if sample.stored else "")
        shown = title


def text(heading, rows):
    """Aligned columns."""
    lines = [HEADINGS, *_cells(rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    out = ["", heading]
    for line in lines:
        cells = [cell.ljust(width) if column < 2 else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(line, widths))]
        out.append(("  " + "  ".join(cells)).rstrip())
    return "\n".join(out)


def markdown(heading, rows):
    """The same as a Markdown table."""
    out = [heading, "", "| | | " + " | ".join(HEADINGS[2:]) + " |", "|---|---" + "|--:" * 7 + "|"]
    out += ["| " + " | ".join(line) + " |" for line in _cells(rows)]
    return "\n".join(out) + "\n"
