#!/usr/bin/python3
"""workbench report: a page from the results of made run files, and what of it is true.

usage: test_report.py BUILD [TEST..]      SPDX-License-Identifier: GPL-3.0-or-later
"""
import html.parser
import json
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

import support
from support import here, workbench

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAKE_RUNS = ROOT / "tests/cli/make_runs.py"
PAPERS = ROOT / "host/report/papers.c"
METRICS = ["accuracy", "moran", "similarity-table", "rdm-consistency", "effective-dim"]
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(html.parser.HTMLParser):
    """What a page holds; fails where its tags are not nested."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> within {self.open[-3:]} at {self.getpos()}"
        self.open.pop()

    def handle_data(self, data):
        if self.open[-1:] not in (["style"], ["script"]):
            self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def make_results():
    """Results of several metrics, measured once for all tests."""
    folder = here.folder / "results"
    if folder.exists():
        return folder
    subprocess.run([sys.executable, MAKE_RUNS, here.folder / "runs", "--rhos", "0,0.2,5"], check=True)
    runs = sorted((here.folder / "runs").glob("*.h5"))
    for metric in METRICS:
        done = workbench("run", metric, "--in", *runs, "--quiet", *(["--permutations", "9"] if metric == "moran" else []))
        assert done.returncode == 0, done.stderr
    return folder


def make_report(*options, results=None, out="report"):
    done = workbench("report", "--in", results or make_results(), "--out", out, *options)
    assert done.returncode == 0, done.stderr
    return done


def page(folder="report"):
    return Page((here.folder / folder / "index.html").read_text())


def changed_results(name, change):
    """A copy of the results with another summary of accuracy."""
    folder = here.folder / name
    shutil.copytree(make_results(), folder)
    path = folder / "accuracy/summary.json"
    summary = json.loads(path.read_text())
    change(summary)
    path.write_text(json.dumps(summary))
    return folder


class Report(unittest.TestCase):
    def test_the_page_is_whole(self):
        make_report("--title", "Made runs <of> \"nothing\" & more")
        text = (here.folder / "report/index.html").read_text()
        made = Page(text)
        self.assertIn("Made runs <of> \"nothing\" & more", made.text)
        for metric in METRICS:
            self.assertTrue(any(a.get("id") == metric for _, a in made.tags), metric)
        drawn = sum(len(list((here.folder / "results" / metric).glob("*.svg"))) for metric in METRICS)
        self.assertEqual(len(made.all("svg")), drawn)
        self.assertGreater(drawn, 8)
        for svg in made.all("svg"):
            width, height = (float(x) for x in svg["viewbox"].split()[2:])
            self.assertTrue(width > 50 and height > 50, svg)

    def test_ids_are_unique_and_links_lead_somewhere(self):
        make_report()
        made = page()
        ids = [attributes["id"] for _, attributes in made.tags if "id" in attributes]
        self.assertEqual(len(ids), len(set(ids)))
        for tag, attributes in made.tags:
            target = attributes.get("href")
            if target is None:
                continue
            if target.startswith("#"):
                self.assertIn(target[1:], ids)
            else:
                self.assertTrue((here.folder / "report" / target).is_file(), target)

    def test_nothing_leaves_the_page(self):
        make_report()
        text = (here.folder / "report/index.html").read_text()
        self.assertEqual(re.findall(r"https?:(?!//www\.w3\.org/2000/svg\")[^ \"']*", text), [])
        self.assertEqual(re.findall(r"<(?:link|iframe|object|embed|base|form)\b", text), [])
        self.assertEqual(len(re.findall(r"<script\b", text)), 1)
        for attributes in page().all("img"):
            self.assertTrue(attributes["src"].startswith("data:image/png;base64,"))

    def test_numbers_are_those_of_the_summaries(self):
        make_report()
        made, checked = page(), 0
        parts = re.compile(r"(.+)/summary\.json: (\w+)\[(\d+)\]\.values\.([^.]+)(?:\.(\w+))?$")
        for tag, attributes in made.tags:
            found = parts.match(attributes.get("title", ""))
            if tag not in ("td", "th") or not found or "data-value" not in attributes:
                continue
            folder, group, index, output, part = found.groups()
            summary = json.loads((here.folder / "report/data" / folder / "summary.json").read_text())
            value = summary[group][int(index)]["values"][output]
            if part:
                value = value[part]
            if not isinstance(value, list):
                self.assertAlmostEqual(float(attributes["data-value"]), value, delta=1e-8 * max(1, abs(value)))
                checked += 1
        self.assertGreater(checked, 100)

    def test_sentences_give_the_means(self):
        make_report()
        document = json.loads((here.folder / "report/data/report.json").read_text())
        self.assertEqual(document["schema"], "workbench.report/1")
        summary = json.loads((here.folder / "results/accuracy/summary.json").read_text())
        section = document["papers"][0]["figures"][0]
        self.assertEqual((section["folder"], section["label"]), ("accuracy", "Figure 1"))
        numbers = [part for part in section["here"] if isinstance(part, dict)]
        self.assertGreaterEqual(len(numbers), 4)
        for part in numbers:
            index = int(re.search(r"conditions\[(\d+)\]", part["source"]).group(1))
            mean = summary["conditions"][index]["values"]["top1"]["mean"]
            self.assertAlmostEqual(float(part["text"].replace("\u2212", "-")), mean, delta=0.0005)
        self.assertIn("".join(p if isinstance(p, str) else p["text"] for p in section["here"]), page().text)

    def test_table_1_is_beside_the_published_one(self):
        make_report()
        document = json.loads((here.folder / "report/data/report.json").read_text())
        section = next(s for s in document["papers"][0]["figures"] if s["label"] == "Table 1")
        table = json.loads((here.folder / "results/similarity-table/summary.json").read_text())["values"]["table"]
        self.assertEqual([column["title"] for column in section["table"]["columns"]],
                         ["condition", "rho", "within", "within, published", "across", "across, published"])
        self.assertEqual(len(section["table"]["rows"]), 6)
        for row in section["table"]["rows"]:
            data = table["data"][table["row_labels"].index(f"{row[0]} rho {row[1]['text']} dropout 0.5")]
            self.assertEqual([cell["value"] for cell in row[2:]], [data[0], data[5], data[2], data[7]])
        self.assertEqual(section["table"]["rows"][0][3]["text"], "0.77 (0.23)")  # ce, rho 0, as published

    def test_claims_have_a_verdict_each(self):
        make_report()
        document = json.loads((here.folder / "report/data/report.json").read_text())
        claims = document["claims"]
        self.assertEqual([claim["id"] for claim in claims], [f"A{i}" for i in range(1, 21)])
        for claim in claims:
            self.assertIn(claim["verdict"], ["holds", "contradicted", "inconclusive", "not enough runs"])
            self.assertIn(claim["statement"], page().text)
            self.assertIn("not the paper's own images", claim["data"])
        self.assertEqual(page().text.count("not the paper's own images"), 1)  # all claims rest on the same
        self.assertEqual(claims[1]["verdict"], "not enough runs")  # of simclr there are none

    def test_a_claim_names_other_data_than_the_first(self):
        results = here.folder / "two-data"
        shutil.copytree(make_results(), results)
        summary = results / "moran/summary.json"
        text = summary.read_text()
        changed = re.sub(r'"data": "builtin[^"]*"', '"data": "cifar10"', text)
        self.assertNotEqual(changed, text)
        summary.write_text(changed)
        claims = json.loads(make_report("--json", results=results, out="two-data-report").stdout)["claims"]
        others = sum(claim["data"] != claims[0]["data"] for claim in claims)
        self.assertGreater(others, 0)
        section = page("two-data-report").text.split("What the papers claim")[1].split("The figures of")[0]
        self.assertEqual(len(re.findall("cifar10(?!,)", section)), others)
        make_report("--format", "md", results=results, out="two-data-markdown")
        section = (here.folder / "two-data-markdown/report.md").read_text().split("## ")[2]
        self.assertEqual(section.count("on cifar10 |"), others)

    def test_what_the_study_changes_heads_it(self):
        changes = ["10 epochs, not 200", "a <small> network | of width 8"]
        options = [f"--change={change}" for change in changes]
        document = json.loads(make_report("--json", *options).stdout)
        self.assertEqual(document["overview"]["changes"], changes)
        text = (here.folder / "report/index.html").read_text()
        head = text[text.index('id="run"'):text.index('id="claims"')]
        self.assertIn("Otherwise than in the paper", head)
        self.assertIn("<li>10 epochs, not 200</li>", head)
        self.assertIn("<li>a &lt;small&gt; network | of width 8</li>", head)
        make_report("--format", "md", *options, out="markdown")
        self.assertIn("Otherwise than in the paper:\n\n- 10 epochs, not 200\n- a \\<small\\> network \\| of width 8\n\n|",
                      (here.folder / "markdown/report.md").read_text())
        self.assertEqual(json.loads(make_report("--json").stdout)["overview"]["changes"], [])
        self.assertNotIn("Otherwise than", page().text)

    def test_how_the_runs_were_trained(self):
        document = json.loads(make_report("--json").stdout)
        self.assertEqual(document["trainings"],
                         [{"plugin": "train-nothing", "runs": 18, "parameters": {"epochs": "2"}}])
        self.assertIn("train-nothing: 18 runs", page().text)
        self.assertEqual([text for text in document["warnings"] if "trained differently" in text], [])

    def test_conditions_that_mix_trainings(self):
        for epochs, seeds in (("2", "1,2"), ("5", "3")):
            subprocess.run([sys.executable, MAKE_RUNS, here.folder / "mixed-runs", "--objectives", "ce", "--seeds", seeds,
                            "--epochs", epochs], check=True)
        done = workbench("run", "accuracy", "--in", *(here.folder / "mixed-runs").glob("*.h5"), "--quiet", "--out", "mixed/accuracy")
        self.assertEqual(done.returncode, 0, done.stderr)
        summary = json.loads((here.folder / "mixed/accuracy/summary.json").read_text())
        self.assertEqual([t["parameters"]["epochs"] for t in summary["trainings"]], ["2", "5"])
        for run in summary["runs"]:
            self.assertEqual(run["training"], int(run["factors"]["seed"] == "3"), run)
        make_report(results=here.folder / "mixed", out="mixed-report")
        self.assertIn("One condition mixes runs that were trained differently (at rho 0.2): epochs 2 and 5.",
                      page("mixed-report").text)

    def test_every_figure_of_the_papers_names_outputs_that_exist(self):
        rows = re.findall(r'{P\d, "[^"]+", "([^"]+)", "([^"]+)", (?:"([^"]+)"|NULL),', PAPERS.read_text())
        self.assertGreater(len(rows), 20)
        for plugin, *outputs in rows:
            described = json.loads(workbench("describe", plugin, "--json").stdout)
            known = {output["name"] for output in described["outputs"]}
            self.assertLessEqual({output for output in outputs if output}, known, plugin)
            beside = {output["beside"] for output in described["outputs"]}
            self.assertNotIn(outputs[0], beside, f"{plugin} does not draw it by itself")

    def test_only_the_first_of_many_figures_is_shown(self):
        def change(summary):
            summary["figures"].append({"name": "accuracy-again", "output": "top1", "caption": "a second one"})
        folder = changed_results("many", change)
        shutil.copy(folder / "accuracy/accuracy.svg", folder / "accuracy/accuracy-again.svg")
        section = json.loads(make_report("--json", results=folder, out="many-report").stdout)["papers"][0]["figures"][0]
        self.assertEqual([figure["name"] for figure in section["figures"]], ["accuracy"])
        self.assertIn("accuracy-again", [figure["name"] for figure in section["more"]])

    def test_what_is_not_measured_is_named(self):
        make_report()
        self.assertIn("workbench run tsne", page().text)
        make_report("--paper", "beyond-topography", out="other")
        self.assertIn("workbench run weight-noise", page("other").text)
        self.assertNotIn("Figure 4a", page("other").text)

    def test_foreign_text_stays_text(self):
        def change(summary):
            for holder in summary["conditions"] + summary["runs"]:
                if holder["factors"]["objective"] == "ce":
                    holder["factors"]["objective"] = "<img src=x onerror=alert(1)>"
            summary["figures"][0]["caption"] = "\"><script>alert(2)</script>"
            summary["command"] = "</pre><script>alert(3)</script>"
            summary["parameters"]["</td><b>"] = "</style><script>alert(4)</script>"
            summary["failed"].append({"file": "<i>a", "reason": "]]><script>alert(5)</script>"})
        folder = changed_results("foreign", change)
        (folder / "accuracy/accuracy.svg").write_text(
            "<svg width='90' height='90'><script>alert(6)</script><path onload='alert(7)' d='M0,0'/></svg>")
        make_report(results=folder, out="foreign-report")
        made = page("foreign-report")
        self.assertEqual(len(made.all("script")), 1)
        self.assertEqual(made.all("img") + made.all("b") and [a for a in made.all("img") if a.get("src") == "x"], [])
        self.assertFalse([a for _, a in made.tags if any(name.startswith("on") for name in a)])
        self.assertIn("<script>alert(3)</script>", made.text)
        self.assertIn("accuracy failed on <i>a", made.text)
        self.assertNotIn("alert(6)", made.text)

    def test_a_result_without_figures_and_a_broken_one(self):
        folder = changed_results("broken", lambda summary: summary.update(figures=[]))
        for path in (folder / "moran").glob("*.svg"):
            path.unlink()
        (folder / "accuracy/accuracy.svg").write_text("not a drawing")
        (folder / "effective-dim/summary.json").write_text("{")
        done = make_report(results=folder, out="broken-report")
        self.assertIn("effective-dim/summary.json is not JSON", done.stderr)
        text = page("broken-report").text
        self.assertIn("effective-dim/summary.json is not JSON", text)
        self.assertIn("this is no SVG drawing", text)
        self.assertIn("Moran's I: ce", text)

    def test_markdown_and_json(self):
        make_report("--format", "md", out="markdown")
        text = (here.folder / "markdown/report.md").read_text()
        self.assertTrue(text.startswith("# Topographic networks: a study\n"))
        images = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
        self.assertGreaterEqual(len(images), 4)
        for image in images:
            self.assertTrue((here.folder / "markdown" / image).is_file(), image)
        printed = json.loads(make_report("--json", out="as-json").stdout)
        self.assertEqual(printed["schema"], "workbench.report/1")
        self.assertEqual(printed["overview"]["runs"], 18)

    def test_refusals(self):
        for words, code, part in [
                (["--in", "nothing"], 4, "nothing holds no results"), (["--format", "pdf"], 2, "it must be html or md"),
                (["--paper", "x"], 2, "it must be contrastive-topography"), (["results"], 2, "takes no results"),
                (["--in", make_results(), "--out", here.folder / "runs"], 2, "holds other things than a report")]:
            done = workbench("report", *words)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(part, done.stderr)
        self.assertTrue(list((here.folder / "runs").glob("*.h5")))

    def test_a_report_is_replaced_as_a_whole(self):
        make_report(out="again")
        (here.folder / "again/data/old.tsv").write_text("old")
        make_report(out="again")
        self.assertFalse((here.folder / "again/data/old.tsv").exists())


if __name__ == "__main__":
    support.main(__doc__)
