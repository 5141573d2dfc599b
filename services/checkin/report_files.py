"""The report as a PDF and as a workbook; small, so both are made in memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from io import BytesIO
from typing import Final
from xml.sax.saxutils import escape

from reportlab.graphics.charts.barcharts import VerticalBarChart
from reportlab.graphics.shapes import Drawing, String
from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    CondPageBreak,
    Flowable,
    KeepTogether,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
)
from reportlab.platypus import Table as PdfTable
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from services.checkin.report_tables import Curve, Curves, Percent, Table, Told

INK: Final = colors.HexColor("#12202f")
SOFT: Final = colors.HexColor("#4a5c6e")
BLUE: Final = colors.HexColor("#0a3a6b")
BAR: Final = colors.HexColor("#0a5cad")
SHADE: Final = colors.HexColor("#f3f6fa")
LINE: Final = colors.HexColor("#d0dbe6")
PAGE: Final = A4
MARGIN: Final = 16 * mm
WIDTH: Final = PAGE[0] - 2 * MARGIN
NAME_WIDTH: Final = 58 * mm
NUMBER_WIDTH: Final = 12 * mm
"""At least: no word of a heading is broken."""
BAR_WIDTH: Final = 20 * mm
CURVES_A_ROW: Final = 3
CURVE_HEIGHT: Final = 44 * mm
KEPT_TOGETHER: Final = 20
"""Rows: a longer table may break over pages."""
SHEET_NAME: Final = 31
"""Characters: Excel's limit."""

# The fonts are those that every reader has: enough for English and French.
TEXT: Final = ParagraphStyle("text", fontName="Helvetica", fontSize=8, leading=10, textColor=INK)
NUMBER: Final = ParagraphStyle("number", TEXT, alignment=TA_RIGHT)
SMALL: Final = ParagraphStyle("small", TEXT, textColor=SOFT)
TITLE: Final = ParagraphStyle(
    "title", TEXT, fontName="Helvetica-Bold", fontSize=22, leading=27, textColor=BLUE
)
HEADING: Final = ParagraphStyle("heading", TITLE, fontSize=13, leading=17, spaceAfter=2 * mm)
FIGURE: Final = ParagraphStyle("figure", TITLE, fontSize=18, leading=22)


def make_pdf(told: Told) -> bytes:
    """A4."""
    buffer = BytesIO()
    document = SimpleDocTemplate(
        buffer,
        pagesize=PAGE,
        title=f"{told.title} · {told.forum}",
        lang=told.language,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=18 * mm,
    )
    story: list[Flowable] = [
        Paragraph(escape(told.title), TITLE),
        Paragraph(f"<b>{escape(told.forum)}</b>", TEXT),
        Paragraph(escape(told.place), TEXT),
        Paragraph(escape(" · ".join(filter(None, [told.as_of, told.provisional]))), SMALL),
        Spacer(0, 5 * mm),
        _pdf_figures(told),
    ]
    days, *others = told.tables
    story += [*_pdf_section(told, days), *_pdf_curves(told)]
    for table in others:
        story += _pdf_section(told, table)
    foot = partial(_foot, told=told)
    document.build(story, onFirstPage=foot, onLaterPages=foot)
    return buffer.getvalue()


def make_workbook(told: Told) -> bytes:
    """A sheet a table."""
    buffer = BytesIO()
    with Workbook(buffer, {"in_memory": True}) as book:
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        percents = book.add_format({"num_format": "0%"})
        for table in (told.overview, *told.tables):
            sheet = book.add_worksheet(table.title[:SHEET_NAME])
            for place, word in enumerate(table.head):
                sheet.write_string(0, place, word, bold)
            for line, row in enumerate(table.rows, start=1):
                _write(sheet, line, row, percents)
            sheet.set_column(0, 0, 36)
            sheet.set_column(1, max(1, len(table.head) - 1), 13)
            sheet.freeze_panes(1, 1)
            if told.language == "ar":
                sheet.right_to_left()
            if table.rows and table is not told.overview:
                sheet.conditional_format(
                    1, table.bars, len(table.rows), table.bars, {"type": "data_bar"}
                )
        book.worksheets()[0].write_string(len(told.overview.rows) + 2, 0, told.forum)
        book.worksheets()[0].write_string(len(told.overview.rows) + 3, 0, told.as_of)
        book.worksheets()[0].write_string(len(told.overview.rows) + 4, 0, told.provisional)
    return buffer.getvalue()


def _write(sheet: Worksheet, line: int, row: Sequence[str | int], percents: Format) -> None:
    for place, value in enumerate(row):
        if isinstance(value, Percent):
            sheet.write_number(line, place, value / 100, percents)
        elif isinstance(value, int):
            sheet.write_number(line, place, value)
        else:
            sheet.write_string(line, place, value)


def _foot(canvas: Canvas, document: SimpleDocTemplate, told: Told) -> None:
    canvas.saveState()
    canvas.setStrokeColor(BAR)
    canvas.setLineWidth(2)
    canvas.line(MARGIN, 13 * mm, PAGE[0] - MARGIN, 13 * mm)
    canvas.setFillColor(SOFT)
    canvas.setFont("Helvetica", 8)
    canvas.drawString(MARGIN, 8 * mm, f"{told.forum} · {told.title} · {told.as_of}")
    canvas.drawRightString(PAGE[0] - MARGIN, 8 * mm, str(document.page))
    canvas.restoreState()


def _pdf_figures(told: Told) -> Flowable:
    names = [Paragraph(escape(str(name)), SMALL) for name, _ in told.overview.rows]
    numbers = [Paragraph(told.number(number), FIGURE) for _, number in told.overview.rows]
    return PdfTable(
        [numbers, names],
        colWidths=[WIDTH / len(names)] * len(names),
        style=[
            ("BACKGROUND", (0, 0), (-1, -1), SHADE),
            ("LINEBEFORE", (1, 0), (-1, -1), 2, colors.white),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("TOPPADDING", (0, 0), (-1, 0), 3 * mm),
            ("BOTTOMPADDING", (0, 1), (-1, 1), 3 * mm),
        ],
    )


def _pdf_section(told: Told, table: Table) -> list[Flowable]:
    begin: list[Flowable] = [Spacer(0, 7 * mm), Paragraph(escape(table.title), HEADING)]
    if table.note:
        begin += [Paragraph(escape(table.note), SMALL), Spacer(0, 1.5 * mm)]
    if len(table.rows) > KEPT_TOGETHER:
        return [CondPageBreak(60 * mm), *begin, _pdf_table(told, table)]
    return [KeepTogether([*begin, _pdf_table(told, table)])]


def _pdf_table(told: Told, table: Table) -> Flowable:
    bold = [f"<b>{escape(word)}</b>" for word in table.head]
    head = [Paragraph(word, NUMBER if place else TEXT) for place, word in enumerate(bold)]
    rows: list[list[Flowable | str]] = [[*head, ""]]
    others = len(table.head) - 1
    widths = [max(NUMBER_WIDTH, _longest_word(words) + 4) for words in table.head[1:]]
    name_width = min(NAME_WIDTH, WIDTH - sum(widths) - BAR_WIDTH)
    for row in table.rows:
        name, *numbers = (told.number(cell) for cell in row)
        rows.append([Paragraph(escape(name), TEXT), *numbers, _Bar(table.share(row))])
    return PdfTable(
        rows,
        colWidths=[name_width, *widths, BAR_WIDTH],
        hAlign="LEFT",
        repeatRows=1,
        style=[
            ("FONT", (1, 1), (others, -1), TEXT.fontName, TEXT.fontSize),
            ("TEXTCOLOR", (1, 1), (others, -1), INK),
            ("ALIGN", (1, 1), (others, -1), "RIGHT"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
            ("LINEBELOW", (0, 0), (-1, 0), 1, BLUE),
            ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
            ("VALIGN", (0, 1), (-1, -1), "MIDDLE"),
            ("TOPPADDING", (0, 0), (-1, -1), 0.8 * mm),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 0.8 * mm),
            ("LEFTPADDING", (1, 0), (others, -1), 1),
            ("RIGHTPADDING", (1, 0), (others, -1), 1),
        ],
    )


def _longest_word(words: str) -> float:
    return max(stringWidth(word, "Helvetica-Bold", TEXT.fontSize) for word in words.split())


class _Bar(Flowable):
    """A number as a length."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.width, self.height = (BAR_WIDTH - 5 * mm) * share, 2.6 * mm

    def draw(self) -> None:
        if not self.width:
            return  # a rectangle of no width is still a line
        self.canv.setFillColor(BAR)
        self.canv.rect(0, 0, self.width, self.height, stroke=0, fill=1)


def _pdf_curves(told: Told) -> list[Flowable]:
    curves = told.curves
    drawn: list[Flowable] = [_pdf_curve(told, curves, day) for day in curves.days if day.people]
    if not drawn:
        return []
    drawn += [Spacer(0, 0)] * (-len(drawn) % CURVES_A_ROW)
    lines = [drawn[at : at + CURVES_A_ROW] for at in range(0, len(drawn), CURVES_A_ROW)]
    begin = [Paragraph(escape(curves.title), HEADING), Paragraph(escape(curves.note), SMALL)]
    grid = PdfTable(lines, colWidths=[WIDTH / CURVES_A_ROW] * CURVES_A_ROW)
    return [KeepTogether([Spacer(0, 7 * mm), *begin, grid])]


def _pdf_curve(told: Told, curves: Curves, day: Curve) -> Drawing:
    width = WIDTH / CURVES_A_ROW - 5 * mm
    drawing = Drawing(width, CURVE_HEIGHT)
    heading = f"{day.day} · {told.number(day.people)}"
    above = CURVE_HEIGHT - 4 * mm
    drawing.add(String(0, above, heading, fontName="Helvetica-Bold", fontSize=9, fillColor=BLUE))
    chart = VerticalBarChart()
    left, below, over = 9 * mm, 7 * mm, 9 * mm
    chart.setProperties(
        {"x": left, "y": below, "width": width - left, "height": CURVE_HEIGHT - below - over}
    )
    chart.data = [day.bars]
    chart.bars[0].fillColor, chart.bars.strokeColor = BAR, None
    chart.barSpacing, chart.groupSpacing = 0, 1
    axis = chart.valueAxis
    axis.valueMin, axis.valueMax = 0, curves.most
    axis.labelTextFormat = lambda value: told.number(round(value))
    axis.valueStep = _step(curves.most)
    axis.visibleGrid, axis.gridStrokeColor, axis.visibleTicks = True, LINE, False
    axis.strokeColor = None
    clock = chart.categoryAxis
    clock.categoryNames = [one if one.endswith(":00") else "" for one in curves.quarters]
    # As many hours as there is room for.
    every = 1 + len(curves.quarters) // 20
    full = [one for one in clock.categoryNames if one]
    clock.categoryNames = [
        one if one and not full.index(one) % every else "" for one in clock.categoryNames
    ]
    clock.visibleTicks, clock.strokeColor = False, SOFT
    for labels in (axis.labels, clock.labels):
        labels.fontName, labels.fontSize, labels.fillColor = "Helvetica", 7, SOFT
    drawing.add(chart)
    return drawing


def _step(most: int) -> int:
    """Between two lines of a chart, so that there are some five: 1, 2 or 5 times a power of ten."""
    step, steps = 1, (2, 2.5, 2)
    place = 0
    while most / step > 5:
        step = int(step * steps[place % 3])
        place += 1
    return step
