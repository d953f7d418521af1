"""The checks of notebook 7, train one."""

import re
from typing import ClassVar

import hatnet
from app.views.grids import accuracy
from tests.tutorials.notebook_checks import Variants, exercises, printed
from tutorials.machinery.checks import train_one

CARD_LOSS = "(each * weights).sum() / len(logits)"
POINTING = "(mass.argmax(-1) == marked[:, None]).float().mean(0)"
OWN = "mixed[:, :, :12, :12] = images[:, :, :12, :12]"
FIRST = "attn.kv.out_features // 2 + head * attn.head_dim"


class TestTrainOne(Variants):
    checks = train_one
    mistakes = (
        ("card_loss", "* weights", "* (labels != IGNORED)", "the weights are missing"),
        ("card_loss", CARD_LOSS, "each.mean()", "the loss is too"),
        ("card_loss", CARD_LOSS, "(each * weights).mean()", "divide by the number of images, not by the number of cells"),
        ("card_loss", CARD_LOSS, "(each * weights).sum(0).mean()", "a mean over cells of the sums over images"),
        ("card_loss", CARD_LOSS, "(each * weights).sum() / (labels != IGNORED).sum()", "not by the number of asked cells"),
        ("card_loss", CARD_LOSS, "F.cross_entropy(logits, labels)", "every asked cell counts alike"),
        ("card_loss", " / len(logits)", "", "that is the sum over all images"),
        ("card_loss", "F.cross_entropy(logits,", "F.cross_entropy(logits.softmax(1),", "F.cross_entropy takes logits"),
        ("card_loss", "return (each", "return -(each", "the sign is wrong"),
        ("card_loss", "each = F", "labels[labels == IGNORED] = 0; each = F", "labels is not what it was"),
        ("questions", "asked[:, 0, 0] = False", "pass", "the asker is among the cards"),
        ("questions", "right[asked]", "right[:, 1:]", "the local accuracy is|cells without a card"),
        ("questions", "right[asked]", "right.flatten(1)[:, 1:]", "cells without a card count as wrong"),
        ("questions", "right[asked]", "right", "the asker is among the cards, and cells without one"),
        ("questions", "return asker, right[asked].float().mean().item()", "return right[asked].float().mean().item(), asker", "swapped"),
        (
            "questions",
            "right[asked].float().mean()",
            "(right & asked).flatten(1).sum(1).div(asked.flatten(1).sum(1)).mean()",
            "over pictures",
        ),
        ("questions", "right[asked].float().mean()", "right[asked].sum()", "the local accuracy is a count"),
        ("questions", "right[asked].float().mean()", "100 * right[asked].float().mean()", "the local accuracy is in per cent"),
        ("questions", "[:, 0, 0].float().mean()", "[:, 0, 0].sum()", "the global accuracy is a count"),
        ("questions", "right[:, 0, 0].float().mean()", "100 * right[:, 0, 0].float().mean()", "the global accuracy is in per cent"),
        ("questions", "asked[:, 0, 0] = False", "labels[:, 0, 0] = IGNORED; asked[:, 0, 0] = False", "labels is not what it was"),
        ("far_change", "change[:, :, 0, 0]", "change", "you compare the logits of all cells"),
        ("far_change", OWN, "pass", "a model that reads the asker's own pixels alone must not change"),
        ("far_change", OWN, OWN.replace("12", "4"), "a model that reads the asker's own pixels alone must not change"),
        ("far_change", OWN, OWN.replace("12", "24"), "replace all pixels outside"),
        ("far_change", OWN, OWN.replace(", :12]", "]"), "replace all pixels outside"),
        ("far_change", ".abs().max()", ".max()", "take the absolute value"),
        ("far_change", ".abs().max()", ".abs().mean()", "wanted the largest change, not the mean"),
        ("far_change", ".abs().max()", ".abs().sum()", "wanted the largest change, not the sum"),
        ("far_change", "change[:, :, 0, 0]", "change[0, :, 0, 0]", "in the first picture"),
        ("far_change", "other.clone()", "images", "a model that reads pixels of another cell did not change"),
        ("far_change", "other.clone()", "other", "other is not what it was"),
        ("pointing", POINTING, "(mass.mean(1).argmax(-1) == marked).float().mean()", "not one for their mean weight"),
        ("pointing", POINTING, POINTING.replace("mean(0)", "mean()"), "not the mean of their scores"),
        ("pointing", POINTING, POINTING.replace("mean(0)", "sum(0)"), "these are counts"),
        ("pointing", POINTING, POINTING.replace("mean(0)", "mean(1)"), "wanted (3,): one number for each head"),
        ("pointing", POINTING, "mass[torch.arange(len(marked)), :, marked].mean(0)", "wanted how often it gets the most"),
        ("may_read", "return ~(", "return (", "the mask is the wrong way round"),
        ("may_read", "is_asker[None, :, None] & gone", "torch.ones(1, 144, 1, dtype=torch.bool) & gone", "hidden from all tokens"),
        ("may_read", "& gone[:, None, :]", "& (gone[:, None, :] | True)", "all cells are hidden"),
        ("may_read", "gone[:, None, :]", "gone.any(0)[None, None, :].expand(len(hidden), 1, 16)", "the cells of all pictures in every"),
        ("may_read", "is_asker[None, :, None]", "(torch.arange(144) < 9)[None, :, None]", "not the first nine of the map"),
        ("may_read", "return ~(is_asker", "return 1 - 1 * (is_asker", "wanted bool"),
        ("without_head", "copy.deepcopy(model)", "model", "model is not what it was"),
        ("without_head", "copy.deepcopy(model)", "copy.copy(model)", "model is not what it was"),
        ("without_head", "attn.kv.bias[first : first + attn.head_dim] = 0", "pass", "but not their bias"),
        ("without_head", FIRST, "head * attn.head_dim", "you silenced the head's queries or keys"),
        ("without_head", FIRST, "attn.kv.out_features // 2 + (1 - head) * attn.head_dim", "that is the other head"),
        ("without_head", FIRST, "(2 * head + 1) * attn.head_dim", "first the keys of all heads|that is the other head"),
        ("without_head", ".blocks[block]", ".blocks[1 - block]", "that is the other block"),
        ("without_head", "return changed", "return model", "nothing has changed"),
        ("without_head", "return changed", "return block", "your function returned no model"),
        ("cheapest", 'if row["accuracy"] >= least', "", "that is the cheapest of all"),
        ("cheapest", "1.96 * math.sqrt(p * (1 - p) / n)", "1.96 * math.sqrt(p * (1 - p))", "that is the cheapest of all"),
        ("cheapest", "1.96 * ", "", "that is the trained setting"),
        ("cheapest", "math.sqrt(p * (1 - p) / n)", "p * (1 - p) / n", "that is the trained setting"),
        ("cheapest", "p - 1.96", "p - 1.4", "a cheaper one is too"),
        ("cheapest", "p - 1.96", "p - 2.5", "that accuracy lies below the interval"),
        ("cheapest", "p - 1.96", "p - 2 * 1.96", "that accuracy lies below the interval"),
        ("cheapest", 'row["macs"]', '-row["accuracy"]', "that is the most accurate"),
        ("cheapest", "return min(", 'found["rows"].sort(key=lambda row: row["macs"]); return min(', "found is not what it was"),
    )
    right: ClassVar[dict[str, str]] = {
        "card_loss: cell by cell": """
            def card_loss(logits, labels, weights):
                total = 0
                for b in range(len(logits)):
                    for y in range(4):
                        for x in range(4):
                            if labels[b, y, x] != IGNORED:
                                total = total - weights[b, y, x] * logits[b, :, y, x].log_softmax(0)[labels[b, y, x]]
                return total / len(logits)""",
        "card_loss: picked out": """
            def card_loss(logits, labels, weights):
                chosen = logits.log_softmax(1).gather(1, labels.clamp(min=0)[:, None])[:, 0]
                return -(chosen * weights).sum((1, 2)).mean()""",
        "card_loss: divided by all weights": """
            def card_loss(logits, labels, weights):
                each = F.cross_entropy(logits, labels, reduction="none")
                return torch.einsum("byx,byx->", each, weights) / weights.sum()""",
        "card_loss: a number": """
            def card_loss(logits, labels, weights):
                each = F.nll_loss(F.log_softmax(logits, 1), labels, reduction="none", ignore_index=IGNORED)
                return sum((each[b] * weights[b]).sum().item() for b in range(len(each))) / len(each)""",
        "questions: counted": """
            def questions(predicted, labels):
                hits = [0, 0]
                asked = [0, 0]
                for b, y, x in (labels != IGNORED).nonzero().tolist():
                    local = int((y, x) != (0, 0))
                    asked[local] += 1
                    hits[local] += int(predicted[b, y, x] == labels[b, y, x])
                return hits[0] / asked[0], hits[1] / asked[1]""",
        "questions: a mask of one's own, tensors": """
            def questions(predicted, labels):
                labels = labels.clone()
                asker = labels[:, 0, 0].clone()
                labels[:, 0, 0] = IGNORED
                right = ((predicted == labels) & (labels != IGNORED)).sum()
                return (predicted[:, 0, 0] == asker).float().mean(), right / (labels != IGNORED).sum()""",
        "questions: hatnet's own": """
            def questions(predicted, labels):
                return cards.questions(predicted, labels)""",
        "far_change: cell by cell": """
            def far_change(model, images, other):
                mixed = images.clone()
                for y in range(0, 48, 12):
                    for x in range(0, 48, 12):
                        if (y, x) != (0, 0):
                            mixed[..., y : y + 12, x : x + 12] = other[..., y : y + 12, x : x + 12]
                with torch.no_grad():
                    return (model(images)[..., 0, 0] - model(mixed)[..., 0, 0]).abs().amax()""",
        "far_change: a mask, one batch": """
            def far_change(model, images, other):
                place = torch.arange(48) < 12
                mixed = torch.where(place[:, None] & place, images, other)
                first, second = model(torch.cat([images, mixed]))[:, :, 0, 0].chunk(2)
                return max(abs(number) for number in (second - first).flatten().tolist())""",
        "pointing: counted": """
            def pointing(mass, marked):
                scores = torch.zeros(mass.shape[1])
                for b in range(len(mass)):
                    for head in range(mass.shape[1]):
                        if mass[b, head, marked[b]] == mass[b, head].max():
                            scores[head] += 1 / len(mass)
                return scores""",
        "pointing: one-hot": """
            def pointing(mass, marked):
                wanted = F.one_hot(marked, 16).bool()
                largest = F.one_hot(mass.topk(1).indices[..., 0], 16).bool()
                return (largest & wanted[:, None]).any(-1).sum(0) / len(mass)""",
        "may_read: picture by picture": """
            def may_read(cell_of_token, hidden):
                allowed = torch.ones(len(hidden), 144, 16, dtype=torch.bool)
                for b, cell in enumerate(hidden.tolist()):
                    for token in range(144):
                        if cell_of_token[token] == cards.ASKER:
                            allowed[b, token, cell] = False
                return allowed""",
        "may_read: what is not asked, or not hidden": """
            def may_read(cell_of_token, hidden):
                stays = torch.arange(16)[None, None] != hidden[:, None, None]
                return (cell_of_token != 0)[None, :, None] | stays""",
        "may_read: filled by index": """
            def may_read(cell_of_token, hidden):
                allowed = torch.full((len(hidden), 144, 16), True)
                rows = torch.where(cell_of_token == 0)[0]
                allowed[torch.arange(len(hidden))[:, None], rows, hidden[:, None]] = False
                return allowed""",
        "without_head: a hook on a copy": """
            def without_head(model, block, head):
                changed = copy.deepcopy(model)
                attn = changed.stages[0].blocks[block].attn

                def silence(layer, given, made):
                    keys, values = made.chunk(2, -1)
                    values = rearrange(values, "b n (heads d) -> b n heads d", d=attn.head_dim).clone()
                    values[:, :, head] = 0
                    return torch.cat([keys, values.flatten(2)], -1)

                attn.kv.register_forward_hook(silence)
                return changed""",
        "without_head: new weights": """
            def without_head(model, block, head):
                state = {name: values.clone() for name, values in model.state_dict().items()}
                for name in ("weight", "bias"):
                    values = state[f"stages.0.blocks.{block}.attn.kv.{name}"]
                    values.view(2, 2, 16, -1)[1, head] = 0
                changed = hatnet.create_model("hatnet_cards", 4).eval()
                changed.load_state_dict(state)
                return changed""",
        "without_head: a function": """
            def without_head(model, block, head):
                def run(images):
                    changed = copy.deepcopy(model)
                    kv = changed.stages[0].blocks[block].attn.kv
                    d = changed.config.head_dim
                    for parameter in (kv.weight, kv.bias):
                        parameter.data[32 + d * head : 32 + d * head + d] = 0
                    return changed(images)

                return run""",
        "cheapest: sorted": """
            def cheapest(found):
                trained, n = found["rows"][0], found["images"]
                error = (trained["accuracy"] * (1 - trained["accuracy"]) / n) ** 0.5
                for row in sorted(found["rows"], key=lambda row: row["macs"]):
                    if row["accuracy"] >= trained["accuracy"] - 1.96 * error:
                        return row""",
        "cheapest: a loop, a copy": """
            def cheapest(found):
                best = found["rows"][0]
                p = best["accuracy"]
                half = 1.96 * torch.tensor(p * (1 - p) / found["images"]).sqrt().item()
                for row in found["rows"][1:]:
                    if row["macs"] < best["macs"] and p - row["accuracy"] <= half:
                        best = row
                return dict(best)""",
    }
    wrong: ClassVar[dict[str, str]] = {
        "that is the wrong step: qkv is the local step's": """
            def without_head(model, block, head):
                changed = copy.deepcopy(model)
                attn = changed.stages[0].blocks[block].attn
                first = 2 * attn.qkv.out_features // 3 + head * attn.head_dim
                attn.qkv.weight.data[first : first + attn.head_dim] = 0
                attn.qkv.bias.data[first : first + attn.head_dim] = 0
                return changed""",
        "the local step's head is gone, too": """
            def without_head(model, block, head):
                changed = copy.deepcopy(model)
                attn = changed.stages[0].blocks[block].attn
                attn.proj.weight.data[:, head * attn.head_dim : (head + 1) * attn.head_dim] = 0
                return changed""",
        "all heads are silent": """
            def without_head(model, block, head):
                changed = copy.deepcopy(model)
                attn = changed.stages[0].blocks[block].attn
                for parameter in (attn.kv.weight, attn.kv.bias):
                    parameter.data[len(parameter) // 2 :] = 0
                return changed""",
        "you silenced the head's queries or keys": """
            def without_head(model, block, head):
                changed = copy.deepcopy(model)
                attn = changed.stages[0].blocks[block].attn
                for parameter in (attn.q.weight, attn.q.bias):
                    parameter.data[head * attn.head_dim : (head + 1) * attn.head_dim] = 0
                return changed""",
        "the asker is hidden from the card": """
            def may_read(cell_of_token, hidden):
                allowed = torch.ones(len(hidden), 144, 16, dtype=torch.bool)
                for b in range(len(hidden)):
                    allowed[b, cell_of_token == hidden[b], cards.ASKER] = False
                return allowed""",
        "wanted one whole row": """
            def cheapest(found):
                p, n = found["rows"][0]["accuracy"], found["images"]
                least = p - 1.96 * math.sqrt(p * (1 - p) / n)
                return min(row["macs"] for row in found["rows"] if row["accuracy"] >= least)""",
    }


def accuracies(text: str, line: str) -> list[float]:
    """The global and the local accuracy, in %, of a printed line that holds `line`."""
    (found,) = re.findall(rf"^.*{re.escape(line)}.*global +([\d.]+)%, +local +([\d.]+)%$", text, re.M)
    return [float(number) for number in found]


def test_what_the_text_claims_is_what_the_cells_print():
    text = printed("07")
    assert min(accuracies(text, "On 1,000 new pictures:")) > 95  # "It answers both questions"
    for line in ("hidden from the asker: the marked card", "larger cells", "smaller cells"):
        far, near = accuracies(text, line)
        assert far < 35 and near > 95, line  # the global question alone
    for line in ("smaller windows", "larger windows"):
        far, near = accuracies(text, line)
        assert far < 35 and near < 75, line  # both
    assert min(accuracies(text, "hidden from the asker: another card")) > 95
    assert accuracies(text, "step 60: ")[0] > 60  # "From chance to most of the answers"
    for name in ("window, trained", "window, untrained"):
        assert re.search(rf"^{name} +0\.0$", text, re.M)  # "Exactly 0, trained or not"


def test_the_text_describes_what_was_measured():
    info, found = hatnet.checkpoint_info("objects224"), accuracy.read("objects224")
    assert (info.config.g1, info.config.g2, len(info.classes), info.image_size) == ((8, 7, 7), (8, 4, 2), 120, 224)
    stages = [accuracy.of_stage(found, index) for index in range(3)]
    lowest = [min(stage.accuracies.values()) for stage in stages]
    least = stages[0].accuracies[stages[0].trained] - stages[0].error
    assert lowest[2] == min(lowest)
    coarsest = max(g2 for _, g2 in stages[2].accuracies)
    assert all(value < least for (_, g2), value in stages[2].accuracies.items() if g2 == coarsest)  # beyond the interval
    together = {(tuple(row["g1"]), tuple(row["g2"])): row["accuracy"] for row in found["rows"] if row["stage"] == "all"}
    assert together[(1, 1, 1), (8, 4, 2)] < least and together[(8, 7, 7), (56, 28, 14)] < least
    every = [value for stage in stages for value in stage.accuracies.values()]
    assert sum(value >= least for value in every) > len(every) / 2  # most differences are smaller than the interval


def test_every_exercise_has_a_mark_a_time_and_hints_one_after_another():
    found = exercises("07")
    assert len(found) == len(train_one.__all__) and all(hints >= 2 for *_, hints in found)
    assert [minutes for mark, minutes, _ in found if mark == 3] == [30]  # as the header says
    assert sum(minutes for mark, minutes, _ in found if mark < 3) < 75
