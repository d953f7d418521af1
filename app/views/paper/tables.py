"""The paper's Tables 1 to 5 as they are drawn: each of its figures, and beside it ours, with source, command and the reason where they
differ. The paper's figures are those of `hatnet.paper`; ours are counted by `counts` or read from what benchmarks/ has measured."""

from dataclasses import dataclass

from app.core.words import count as in_words
from app.views.paper import counts, experiments
from app.views.paper.counts import Counted
from hatnet import paper
from hatnet.complexity import Count
from hatnet.speed import Point

TITLES = {
    1: "Table 1: the architecture of the four variants",
    2: "Table 2: ImageNet classification",
    3: "Table 3: segmentation of ADE20K with Semantic FPN",
    4: "Table 4: detection and segmentation on MS-COCO with RetinaNet and Mask R-CNN",
    5: "Table 5: H-MHSA in place of windows, stage by stage",
}
WITHOUT, WITH = "without QKᵀ, AV", "with QKᵀ, AV"
DEAD = "The authors’ release makes a layer proj_norm that it never uses; ours does not (0.006 to 0.024 M parameters)."
TINY = "The paper’s tiny is 0.57 M lower in all three dense models, which no single change of depth, width or expansion explains."
UNUSED = "With proj_norm, the layer that the release makes and never uses, it rounds to the paper’s figure."
NO_COUNT = (
    "No count gives the paper’s figure; the nearest, all together with norms, is 2 to 17 % lower. What follows the backbone does "
    "not explain it: with it, the paper’s rows of ResNet and PVT come out."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """A figure and what is known of it."""

    text: str = ""
    ours: bool = False
    missing: bool = False  # there is no figure: its text says so
    said: str = ""  # the figure in words
    source: str = ""
    command: str = ""  # that prints it; or that would have to be run
    why: str = ""  # where it differs from the paper's
    agrees: bool | None = None  # whether it rounds to the paper's; None: nothing to compare with

    @property
    def shown(self) -> str:
        """The figure with the sign of the comparison."""
        return {True: "= ", False: "≠ ", None: ""}[self.agrees] + self.text

    @property
    def words(self) -> str:
        """All that is known of it, in sentences."""
        command = f"Command: {self.command}" if self.command else ""
        return " ".join(part for part in (self.said, self.why, self.source, command) if part)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    name: str
    cells: list[Cell]
    mine: bool = False  # a HAT-Net's
    first: bool = False  # of its group


@dataclass(frozen=True, kw_only=True, slots=True)
class Heading:
    text: str
    across: int = 1  # columns
    down: int = 1  # rows
    ours: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table to draw. head: its rows of headings; the first stands over the rows' names."""

    title: str
    head: list[list[Heading]]
    rows: list[Row]

    def drawn(self) -> dict:
        """As paper_table.js takes it."""
        head = [[dict(text=h.text, across=h.across, down=h.down, ours=h.ours) for h in line] for line in self.head]
        rows = [
            dict(
                name=row.name,
                mine=row.mine,
                first=row.first,
                cells=[
                    dict(
                        text=c.shown,
                        ours=c.ours,
                        missing=c.missing,
                        said=c.said,
                        why=c.why,
                        source=c.source,
                        command=c.command,
                        words=c.words,
                    )
                    for c in row.cells
                ],
            )
            for row in self.rows
        ]
        return dict(title=self.title, head=head, rows=rows, left=False)

    def ours(self) -> list[str]:
        """What is known of each of our figures, in sentences, and of what would have to be run; the same of several rows once."""
        return list(dict.fromkeys(cell.words for row in self.rows for cell in row.cells if cell.ours and cell.text))

    def columns(self) -> dict[str, list[str]]:
        """The figures as columns, for a file."""
        names = self._names()
        first = {names[0]: [row.name for row in self.rows]}
        return first | {name: [row.cells[i].text for row in self.rows] for i, name in enumerate(names[1:])}

    def _names(self) -> list[str]:
        """One name for each column: its headings, from top to bottom."""
        width = sum(heading.across for heading in self.head[0])
        names, taken = [""] * width, [0] * width
        for line, headings in enumerate(self.head):
            column = 0
            for heading in headings:
                while taken[column] > line:
                    column += 1
                for at in range(column, column + heading.across):
                    names[at] = f"{names[at]} {heading.text}".strip()
                    taken[at] = line + heading.down
                column += heading.across
        return names


def table(number: int) -> Table:
    """One of the paper's tables, from 1. The first time, its models are counted, which takes some seconds."""
    return {1: _table_1, 2: _table_2, 3: _table_3, 4: _table_4, 5: _table_5}[number]()


def _printed(number: int, row: str, column: str, value: float, unit: str = "", digits: int | None = None) -> Cell:
    """A figure of the paper. digits: decimals, by default those that it needs."""
    text = f"{value:g}" if digits is None else f"{value:.{digits}f}"
    return Cell(text=text, said=f"{row}, {column}: {text}{unit}.", source=f"Printed in the paper’s Table {number}.")


def _counted(row: str, column: str, value: float, unit: str, printed: float | None, **known: str) -> Cell:
    """A count of ours, in the unit of the paper. printed: the paper's figure, for the comparison."""
    digits = 1 if printed is None or printed < 100 else 0
    agrees = None if printed is None else round(value, digits) == printed
    text = f"{value:.3f}" if value < 100 else f"{value:.1f}"
    said = f"{row}, {column}: ours {text}{unit}"
    if agrees is not None:
        said += f", {'which rounds to' if agrees else 'which differs from'} the paper’s {printed:g}"
    why = known.pop("why", "")
    return Cell(text=text, ours=True, said=f"{said}.", agrees=agrees, why="" if agrees else why, **known)


def _to_run(row: str, column: str, what: str, command: str) -> Cell:
    """Where there is no figure of ours: what would have to be run."""
    return Cell(text="to run", ours=True, missing=True, said=f"{row}, {column}: not measured by this project. {what}", command=command)


def _table_1() -> Table:
    """Table 1: for each stage, what it prints, and whether ours is the same, with what that makes in parameters and MACs."""
    rows: list[Row] = []
    models = {name: counts.counted(name) for name in paper.NAMES}
    stages: list[tuple[str, int]] = [("1: 3 × 3 conv., twice", 1), *((f"{number}: H-MHSA, MLP", number) for number in (2, 3, 4, 5))]
    for title, stage in stages:
        cells: list[Cell] = []
        for name, model in models.items():
            said, same = _stage_1(name, model) if stage == 1 else _stage(name, model, stage)
            where = f"{paper.NAMES[name]}, stage {stage}"
            cells.append(Cell(text=said, said=f"{where}: {said}.", source="Printed in the paper’s Table 1."))
            linear, products = model.macs_of(stage)
            size = f"{model.parameters[stage] / 1e6:.3f} M, {(linear + products) / 1e9:.3f} G"
            cells.append(
                Cell(
                    text=size,
                    ours=True,
                    agrees=same,
                    said=f"{where}: {'the same sizes in the code' if same else 'other sizes in the code'}. They make "
                    f"{model.parameters[stage]:,} parameters and {linear + products:,} multiply-adds, {products:,} of them in QKᵀ and AV.",
                    why="The paper writes H-MHSA here, too; section 4.1 says that stage 5 is plain MHSA, and so it is in the code."
                    if stage == 5
                    else "",
                    source=f"hatnet.VARIANTS[“{name}”], and hatnet.complexity.count at 224 × 224 pixels.",
                    command=_show(name),
                )
            )
        rows.append(Row(name=title, cells=cells, first=stage == 2))
    totals: list[Cell] = []
    for name, model in models.items():
        printed, where = paper.classifier(name).parameters, paper.NAMES[name]
        totals += [_printed(1, where, "#Param", printed, " M", 1), _parameters(where, model, printed)]
    rows.append(Row(name="#Param, M", cells=totals, first=True, mine=True))
    head = [
        [Heading(text="Stage", down=2), *(Heading(text=name, across=2) for name in paper.NAMES.values())],
        [heading for _ in paper.NAMES for heading in (Heading(text="paper"), Heading(text="ours: parameters, MACs", ours=True))],
    ]
    return Table(title=TITLES[1], head=head, rows=rows)


def _stage_1(name: str, model: Counted) -> tuple[str, bool]:
    """What Table 1 prints of stage 1, and whether the code has the same."""
    channels, stride = (paper.STEM_CHANNELS, paper.TABLE_1[name][0].channels), paper.STEM_STRIDE
    said = ", then ".join(f"C = {c}, S = {stride}" for c in channels)
    config = model.config
    return said, (config.stem_dim, config.dims[0]) == channels and config.stem_strides == (stride, stride)


def _stage(name: str, model: Counted, stage: int) -> tuple[str, bool]:
    """The same of stages 2 to 5."""
    config, index = model.config, stage - model.config.stages[0]
    printed = paper.TABLE_1[name][index]
    found = paper.Printed(config.dims[index], config.kernels[index], config.expansions[index], config.depths[index])
    return f"C = {printed.channels}, K = {printed.kernel}, E = {printed.expansion}, × {printed.blocks}", found == printed


def _show(name: str) -> str:
    return f"python -c \"import hatnet; print(hatnet.complexity.table(hatnet.create_model('{name}'), (224, 224)))\""


def _parameters(where: str, model: Counted, printed: float) -> Cell:
    value = sum(model.parameters.values())
    source = f"Exactly {value:,}: hatnet.create_model. {DEAD}"
    return _counted(where, "#Param", value / 1e6, " M", printed, source=source, command="python -m hatnet")


def _table_2() -> Table:
    names = {printed: name for name, printed in paper.NAMES.items()}
    points, rows, group = counts.points(), [], None
    for row in paper.TABLE_2:
        printed = [
            _printed(2, row.model, "#Param", row.parameters, " M", 1),
            _printed(2, row.model, "#FLOPs", row.flops, " G", 1),
            _printed(2, row.model, "top-1 accuracy on ImageNet", row.top1, " %", 1),
        ]
        accuracy = Cell(ours=True)
        if row.model in names:
            name = names[row.model]
            parameters, without, both = _ours(row, counts.counted(name))
            accuracy = _to_run(
                row.model,
                "top-1",
                "It takes the authors’ weights (hatnet.load_pretrained downloads them) and ImageNet’s validation images.",
                f"python train_small.py eval ~/.cache/torch/hub/checkpoints/{name}-imagenet1k.safetensors --data folder:IMAGENET",
            )
        else:
            parameters, without, both = _peer(row, points.get(paper.TIMM.get(row.plain, "")))
        cells = [printed[0], parameters, printed[1], without, both, printed[2], accuracy]
        rows.append(Row(name=row.model, cells=cells, mine=row.model in names, first=row.group != group))
        group = row.group
    head = [
        [
            Heading(text="Model", down=2),
            Heading(text="#Param, M", across=2),
            Heading(text="#FLOPs, G", across=3),
            Heading(text="Top-1, %", across=2),
        ],
        [
            Heading(text="paper"),
            Heading(text="ours", ours=True),
            Heading(text="paper"),
            Heading(text=WITHOUT, ours=True),
            Heading(text=WITH, ours=True),
            Heading(text="paper"),
            Heading(text="ours", ours=True),
        ],
    ]
    return Table(title=TITLES[2], head=head, rows=rows)


def _ours(row: paper.Classifier, model: Counted) -> tuple[Cell, Cell, Cell]:
    """Parameters and MACs in both conventions of a HAT-Net."""
    known = dict(source="hatnet.complexity.count at 224 × 224 pixels.", command="python -m hatnet")
    linear = f"{model.macs.conv_linear / 1e9:.3f} G without norms"
    flops = _counted(
        row.model,
        f"multiply-adds {WITHOUT}, with norms",
        model.macs.with_norms / 1e9,
        " G",
        row.flops,
        **known | {"source": f"{known['source']} Convolutions and linear layers alone: {linear}."},
    )
    why = "The paper’s figure leaves the products QKᵀ and AV out; most other transformers’ in this table include them."
    products = f"multiply-adds {WITH}, no norms"
    return (
        _parameters(row.model, model, row.parameters),
        flops,
        _counted(row.model, products, model.macs.total / 1e9, " G", row.flops, why=why, **known),
    )


def _peer(row: paper.Classifier, point: Point | None) -> tuple[Cell, Cell, Cell]:
    """The same of another model, if it was measured beside ours."""
    empty = Cell(ours=True)
    if point is None or row.model.endswith("†"):
        name = paper.TIMM.get(row.plain)
        if name is None:
            return empty, empty, empty
        command = f"python benchmarks/model.py --models {name} --parts forward --minutes 2 --output my.json --page my.md"
        return _to_run(row.model, "#Param", "It takes timm’s model of the same sizes.", command), empty, empty
    known = dict(source=f"timm’s {point.model}, in {counts.PEERS}.", command="make bench")
    linear, total = point.conv_linear / 1e9, (point.conv_linear + point.attention) / 1e9
    agree = [round(value, 1) == row.flops for value in (linear, total)]
    why = "The paper’s figure is in the other convention." if any(agree) else ""
    parameters = _counted(row.model, "#Param", point.parameters / 1e6, " M", row.parameters, why="timm’s model differs.", **known)
    flops = (
        _counted(row.model, f"multiply-adds {name}", v, " G", row.flops, why=why, **known) for name, v in ((WITHOUT, linear), (WITH, total))
    )
    return parameters, *flops


def _dense(number: int, head: str, name: str) -> tuple[Cell, Cell, Cell]:
    """Parameters and MACs in both conventions of a head on a HAT-Net."""
    parameters, macs = counts.dense(head, name)
    millions, flops = paper.dense_row(head, name)
    where = f"{head} on {paper.NAMES[name]}"
    height, width = paper.HEADS[head].size
    source = f"hatnet.complexity.count at {height} × {width} pixels, G₁ = 8, 8, 8, G₂ = 16, 8, 4."
    known = dict(source=source, command="python benchmarks/dense.py")
    said = dict(
        source=f"Exactly {parameters:,}. {DEAD}", command="python benchmarks/dense.py", why=TINY if name == "hatnet_tiny" else UNUSED
    )
    return (
        _counted(where, "#Param", parameters / 1e6, " M", millions, **said),
        _counted(where, f"multiply-adds {WITHOUT}, with norms", macs.with_norms / 1e9, " G", flops, why=NO_COUNT, **known),
        _counted(where, f"multiply-adds {WITH}, no norms", macs.total / 1e9, " G", flops, why=_nearest(macs, flops), **known),
    )


def _nearest(macs: Count, flops: float) -> str:
    """How near the largest count comes to the paper's figure."""
    less = 100 * (1 - (macs.total + 2 * macs.normalised) / 1e9 / flops)
    return f"{NO_COUNT} Here it is {less:.1f} % lower."


def _table_3() -> Table:
    names = {printed: name for name, printed in paper.NAMES.items()}
    rows, group, empty = [], None, Cell(ours=True)
    for row in paper.TABLE_3:
        parameters, without, both, miou = empty, empty, empty, empty
        if row.backbone in names:
            parameters, without, both = _dense(3, "Semantic FPN", names[row.backbone])
            miou = _to_run(
                row.backbone,
                "mIoU",
                "It takes weights trained on ImageNet, ADE20K and days on GPUs; the library has the model, its loss and mIoU.",
                f"python -c \"import hatnet; hatnet.dense.semantic_fpn('{names[row.backbone]}', 150)\"",
            )
        where = f"Semantic FPN on {row.backbone}"
        cells = [
            _printed(3, where, "#Param", row.parameters, " M"),
            parameters,
            _printed(3, where, "FLOPs", row.flops, " G"),
            without,
            both,
            _printed(3, where, "mIoU on ADE20K", row.miou, " %", 1),
            miou,
        ]
        rows.append(Row(name=row.backbone, cells=cells, mine=row.backbone in names, first=row.group != group))
        group = row.group
    head = [
        [
            Heading(text="Backbone", down=2),
            Heading(text="#Param, M", across=2),
            Heading(text="FLOPs, G", across=3),
            Heading(text="mIoU, %", across=2),
        ],
        [
            Heading(text="paper"),
            Heading(text="ours", ours=True),
            Heading(text="paper"),
            Heading(text=WITHOUT, ours=True),
            Heading(text=WITH, ours=True),
            Heading(text="paper"),
            Heading(text="ours", ours=True),
        ],
    ]
    return Table(title=TITLES[3], head=head, rows=rows)


def _table_4() -> Table:
    names = {printed: name for name, printed in paper.NAMES.items()}
    rows, group = [], None
    for row in paper.TABLE_4:
        cells: list[Cell] = []
        for head, millions, flops, figures, measures in (
            ("RetinaNet", row.parameters, row.flops, row.boxes, paper.RETINANET),
            ("Mask R-CNN", row.mask_parameters, row.mask_flops, row.masks, paper.MASK_RCNN),
        ):
            empty, where = Cell(ours=True), f"{head} on {row.backbone}"
            ours = _dense(4, head, names[row.backbone]) if row.backbone in names else (empty, empty, empty)
            cells += [_printed(4, where, "#Param", millions, " M"), ours[0], _printed(4, where, "#FLOPs", flops, " G"), *ours[1:]]
            cells += [_printed(4, where, f"{name} on COCO", value, "", 1) for name, value in zip(measures, figures, strict=True)]
        rows.append(Row(name=row.backbone, cells=cells, mine=row.backbone in names, first=row.group != group))
        group = row.group
    parts = [
        Heading(text="#Param, M", across=2),
        Heading(text="#FLOPs, G", across=3),
    ]
    figures = [
        Heading(text="paper"),
        Heading(text="ours", ours=True),
        Heading(text="paper"),
        Heading(text=WITHOUT, ours=True),
        Heading(text=WITH, ours=True),
    ]
    head = [
        [
            Heading(text="Backbone", down=3),
            Heading(text="Detection: RetinaNet", across=11),
            Heading(text="Instances: Mask R-CNN", across=11),
        ],
        [heading for names in (paper.RETINANET, paper.MASK_RCNN) for heading in (*parts, *(Heading(text=n, down=2) for n in names))],
        [*figures, *figures],
    ]
    return Table(title=TITLES[4], head=head, rows=rows)


def _table_5() -> Table:
    """Table 5; and in the columns of ours every small experiment that asks the same, with the arms that the table does not have."""
    found, rows = experiments.found(), []
    for design in paper.TABLE_5:
        stages = ", ".join(map(str, design.stages)) or "none"
        where = f"Design {design.number}, H-MHSA in stages {stages}"
        cells = [
            Cell(text=stages, said=f"{where}; windows in the other stages.", source="Printed in the paper’s Table 5."),
            _printed(5, where, "top-1 on ImageNet", design.top1, " %", 1),
            _printed(5, where, "mIoU on ADE20K", design.miou, " %", 1),
            *(_arm(where, each, each.of_design(design)) for each in found),
        ]
        rows.append(Row(name=f"Design {design.number}", cells=cells, mine=design == paper.TABLE_5[-1]))
    others = dict.fromkeys(arm for each in found for arm in each.arms if "," not in arm and arm not in ("hierarchical", "window"))
    for first, arm in enumerate(others):
        name = ARMS[arm]
        cells = [
            Cell(text="none", said=f"{name} in the hierarchical stages.", source="Not in the paper’s Table 5."),
            Cell(),
            Cell(),
            *(_arm(f"Not in the paper, {name}", each, each.arms.get(arm)) for each in found),
        ]
        rows.append(Row(name=name, cells=cells, first=first == 0))
    head = [
        [
            Heading(text="Design", down=2),
            Heading(text="H-MHSA in stages", down=2),
            Heading(text="Top-1, %"),
            Heading(text="mIoU, %"),
            *([Heading(text="Ours, small: accuracy, %", across=len(found), ours=True)] if found else []),
        ],
        [Heading(text="paper"), Heading(text="paper"), *(Heading(text=each.title, ours=True) for each in found)],
    ]
    return Table(title=TITLES[5], head=head, rows=rows)


ARMS = {"pooled": "Pooled keys only", "full": "Plain attention, twice", "shifted_window": "Shifted windows"}


def _arm(where: str, experiment: experiments.Experiment, arm: tuple[float, float | None, int] | None) -> Cell:
    """A figure of an experiment; or that this arm was not trained."""
    if arm is None:
        if where.startswith("Not in the paper") or experiment.file.endswith(experiments.CARDS):
            return Cell(ours=True)
        return _to_run(where, experiment.title, "The arms between were not trained.", experiment.command)
    mean, deviation, seeds = arm
    spread = f" ± {100 * deviation:.1f}" if deviation is not None else ""
    said = f"{where}: ours {100 * mean:.1f}{spread} %, {experiment.said}; mean of {in_words(seeds)} training{'s' * (seeds > 1)}."
    return Cell(
        text=f"{100 * mean:.1f}{spread}",
        ours=True,
        said=said,
        source=f"Read from {experiment.file}.",
        command=experiment.command,
        why="Another data set, another size and a shorter training: compare the rows with each other, not with the paper’s figures.",
    )
