"""The checks of notebook 6, looking inside."""

import re
from typing import ClassVar

import hatnet
from tests.tutorials.notebook_checks import Variants, exercises, printed
from tutorials.machinery.checks import looking_inside

HALF = "(torch.eye(len(block)) + block) / 2 @ result"
TAKEN = "order[: round(step / steps * len(order))]"
WAY = "(step + 0.5) / steps"


class TestLookingInside(Variants):
    checks = looking_inside
    mistakes = (
        ("local_on_map", "top : top + height, left : left + width", ":height, :width", "the weights are in the top left corner"),
        ("local_on_map", ".mean(0)", ".sum(0)", "you added the heads"),
        ("local_on_map", ".mean(0)", "[0]", "these are the weights of one head"),
        ("local_on_map", ".mean(0)", ".max(0).values", "each key's largest weight in any head"),
        ("local_on_map", ".mean(0)", ".mean(0)[:height, :width].T[:height, :width]", "rows and columns of the window are swapped"),
        ("local_on_map", "record.row(*token).mean(0)", "record.row(*token).mul_(2).mean(0) / 2", "record is not what it was"),
        ("local_on_map", "top, left, height, width =", "left, top, height, width =", "the window's top and left are swapped"),
        ("global_on_map", "(cells / size)", "cells", "each token has its cell's whole weight"),
        ("global_on_map", "/ size", "/ record.g2**2", "cells at the edge hold fewer tokens"),
        ("global_on_map", "/ size", "/ row.bincount()[:, None]", "you divided by the rows of tokens in a cell alone"),
        ("global_on_map", "mean(0)", "sum(0)", "you added the heads"),
        ("global_on_map", "mean(0)", "select(0, 0)", "these are the weights of one head"),
        ("seam", "+ g1 - 1", "", "both of your tokens lie in one window"),
        ("seam", "x // g1 * g1 + g1 - 1", "x // g1 * g1 - 1", "that is the window's left edge"),
        ("seam", "x // g1 * g1 + g1 - 1", "x // g1 * g1 + g1", "that is one column too far"),
        ("seam", "x // g1 * g1 + g1 - 1", "g1 - 1", "that is the right edge of the first window"),
        ("seam", "x // g1 * g1 + g1 - 1", "x", "that is the token and its neighbour"),
        ("seam", "return (y, last), (y, last + 1)", "return (y, last + 1), (y, last)", "the two are swapped"),
        ("seam", "return (y, last), (y, last + 1)", "return (last, y), (last + 1, y)", "yours are (column, row)"),
        ("seam", "return (y, last), (y, last + 1)", "return (y, last), (y + 1, last)", "Yours lie one above the other"),
        ("seam", "return (y, last), (y, last + 1)", "return last, last + 1", "each of the two places is (row, column)"),
        ("two_hop", "a_glob @ pool @ once", "once @ a_glob @ pool", "the hops are in the wrong order"),
        ("two_hop", "(torch.eye(len(a_loc)) + a_loc) / 2", "a_loc", "the identity is missing"),
        ("two_hop", "(torch.eye(len(a_loc)) + a_loc) / 2", "(torch.eye(len(a_loc)) + a_loc)", "the hops are not halved|are added"),
        ("two_hop", "(a_glob @ pool @ once + once) / 2", "a_glob @ pool @ once + once", "the two paths are added, not averaged"),
        ("two_hop", "+ once) / 2", "+ once) / 4", "the two paths are halved twice"),
        ("two_hop", "(a_glob @ pool @ once + once) / 2", "a_glob @ pool @ once / 2 + once", "only one of the two paths is halved"),
        ("two_hop", " + once) / 2", ")", "only the path through the cells is there"),
        ("two_hop", " + once) / 2", ") / 2", "only half of the path through the cells"),
        ("two_hop", "a_glob @ pool @ once + once", "a_glob @ pool + once", "the path through the cells has lost its local hop"),
        ("two_hop", "a_glob @ pool @ once + once", "a_glob @ pool @ once + torch.eye(len(once))", "the direct path has lost its local hop"),
        ("two_hop", "a_glob @ pool @ once + once", "a_glob @ pool @ a_loc + once", "the identity is missing on the path through"),
        ("two_hop", "a_glob @ pool @ once + once", "a_glob @ pool @ once + a_loc", "the identity is missing on the direct path"),
        ("two_hop_row", "direct[token] = 1", "pass", "only half of the path through the cells is there"),
        (
            "two_hop_row",
            "cells = global_on_map(far, token)",
            "cells = torch.zeros(far.query_grid)",
            "only half of the direct path is there",
        ),
        ("two_hop_row", "cells + direct) / 2", "cells + direct)", "are added, not averaged"),
        ("two_hop_row", "local_on_map(near, (y, x))", "local_on_map(near, token)", "THEIR windows"),
        ("two_hop_row", "return (arriving + local) / 2", "return local", "the residual of Eq. 9 is missing: in the local hop"),
        ("two_hop_row", "return (arriving + local) / 2", "return (local + direct / 2 + arriving - cells / 2) / 2", "numbers are wrong"),
        ("rollout", HALF, "block @ result", "the identity is missing"),
        ("rollout", HALF, "result @ block", "the identity is missing, and the blocks are in the wrong order|the identity is missing"),
        ("rollout", HALF, "result @ (torch.eye(len(block)) + block) / 2", "the blocks are in the wrong order"),
        ("rollout", HALF, "(torch.eye(len(block)) + block) @ result", "the blocks are not halved"),
        ("rollout", HALF, "result @ (torch.eye(len(block)) + block)", "not halved, and in the wrong order"),
        ("rollout", HALF, "(torch.eye(len(block)) + block) / 2", "that is the last block alone"),
        ("integrated_gradients", "baseline + (step", "(step", "the path starts at 0"),
        ("integrated_gradients", WAY, "(step + 1) / steps", "the points lie at the end of each step"),
        ("integrated_gradients", WAY, "step / steps", "the points lie at the beginning of each step"),
        ("integrated_gradients", WAY, "(step + 1) / (steps + 1)", "your points are 1 / (steps + 1) apart"),
        ("integrated_gradients", WAY, "step + 0.5 / steps", "wants parentheses|are wrong"),
        ("integrated_gradients", WAY, "(step + 0.5 / steps)", "wants parentheses"),
        ("integrated_gradients", WAY, "0.5", "every point lies half way"),
        ("integrated_gradients", "+ 0.5) / steps * difference", "+ 0.5) / steps * image", "its length is image - baseline"),
        ("integrated_gradients", "baseline + (step", "baseline - (step", "the points move away from the image"),
        ("integrated_gradients", "(difference * total", "(image * total", "the factor before the mean gradient is the image"),
        ("integrated_gradients", "difference = image - baseline", "difference, baseline = image, 0 * baseline", "the baseline is missing"),
        ("integrated_gradients", "(difference * total", "(total", "that is the mean gradient"),
        ("integrated_gradients", "(difference * total", "(-difference * total", "the sign is wrong"),
        ("integrated_gradients", "total / steps", "total", "the gradients are added, not averaged"),
        ("integrated_gradients", WAY, "1", "that is the gradient at the image alone"),
        ("integrated_gradients", WAY, "0", "that is the gradient at the baseline alone"),
        ("integrated_gradients", "[0, target]", "[0].sum()", "the gradient is that of all logits"),
        ("integrated_gradients", "[0, target]", "[0, 0]", "the gradient is that of another logit"),
        ("integrated_gradients", "[0].sum(0)", "[0]", "add up the channels"),
        ("integrated_gradients", "[0].sum(0)", "[0].mean(0)", "the channels are averaged"),
        ("integrated_gradients", "[0].sum(0)", "[0].abs().sum(0)", "the sign is gone"),
        (
            "integrated_gradients",
            "return (difference * total / steps)[0].sum(0)",
            "out = torch.zeros(image.shape[2:]); out += (difference * total / steps)[0].sum(0); return out",
            "is float32 where the image is float64",
        ),
        ("integrated_gradients", "difference = image - baseline", "image -= baseline; difference = image", "image is not what it was"),
        (
            "integrated_gradients",
            "point = (baseline + (step + 0.5) / steps * difference).requires_grad_()",
            "point = baseline.requires_grad_()",
            "baseline requires a gradient now",
        ),
        ("grad_cam", "gradient.mean((2, 3), keepdim=True)", "gradient", "are multiplied token by token"),
        ("grad_cam", "gradient.mean((2, 3), keepdim=True)", "gradient.mean()", "one number weighs all channels"),
        ("grad_cam", "gradient.mean((2, 3), keepdim=True)", "gradient.sum((2, 3), keepdim=True)", "Grad-CAM takes their mean"),
        ("grad_cam", "gradient.mean((2, 3), keepdim=True)", "gradient.mean((2, 3), keepdim=True).abs()", "have lost their sign"),
        ("grad_cam", "gradient.mean((2, 3), keepdim=True)", "gradient.mean((2, 3), keepdim=True).relu()", "channels that speak against"),
        ("grad_cam", "mean((2, 3), keepdim=True)", "mean(1, keepdim=True)", "the mean is over channels"),
        ("grad_cam", ".sum(0).detach()", ".sum(0).relu().detach()", "the map is clipped at 0"),
        ("grad_cam", "[0].sum(0).detach()", "[0].mean(0).detach()", "the channels are averaged at the end"),
        ("grad_cam", "features.detach().requires_grad_()", "features.requires_grad_()", "features requires a gradient now"),
        ("grad_cam", "[0, target]", "[0].sum()", "the gradient is that of all logits"),
        ("deletion", "-importance", "importance", "the least important cells go first"),
        ("deletion", "-importance.ravel()", "-np.abs(importance).ravel()", "by the importance itself, not by its size without the sign"),
        ("deletion", "np.argsort(-importance.ravel())", "np.arange(importance.size)", "the cells go in reading order"),
        ("deletion", "np.argsort(-importance.ravel())", "np.argsort(np.argsort(-importance.ravel()))", "those are the ranks"),
        (
            "deletion",
            TAKEN,
            "order[max(0, round((step - 1) / steps * len(order))) : round(step / steps * len(order))]",
            "the cells of earlier steps come back",
        ),
        ("deletion", TAKEN, "order[round(step / steps * len(order)) :]", "that is insertion"),
        ("deletion", ".softmax(0)[target]", "[target]", "these are logits"),
        ("deletion", ".softmax(0)[target]", ".log_softmax(0)[target]", "softmax, not log_softmax"),
        ("deletion", ".softmax(0)[target]", "[target].sigmoid()", "these are the logits' sigmoids"),
        ("deletion", ".softmax(0)[target]", ".softmax(0).max()", "the probability of the most likely class"),
        ("deletion", ".softmax(0)[target]", ".softmax(0)[0]", "the probability of class 0"),
        ("deletion", "forward(left)[0].softmax(0)[target]", "forward(left).softmax(0)[0, target]", "not over the batch of one image"),
        ("deletion", "left = image.clone()", "left = image", "image is not what it was"),
        ("deletion", "return curve", "return curve[1:]", "the curve begins after the first cells are gone"),
        ("deletion", "return curve", "return curve[-1]", "the curve is not a list of numbers"),
        ("deletion", "return curve", "return [100 * value for value in curve]", "those are percentages"),
    )
    right: ClassVar[dict[str, str]] = {
        "local_on_map: token by token": """
            def local_on_map(record, token):
                whole = torch.zeros(record.query_grid)
                top, left, height, width = record.window(*token)
                row = record.row(*token)
                for y in range(height):
                    for x in range(width):
                        whole[top + y, left + x] = sum(head[y, x] for head in row) / len(row)
                return whole""",
        "local_on_map: padded": """
            def local_on_map(record, token):
                top, left, height, width = record.window(*token)
                down, across = record.query_grid
                around = (left, across - left - width, top, down - top - height)
                return torch.nn.functional.pad(record.row(*token).mean(0), around)""",
        "local_on_map: hatnet's own": """
            def local_on_map(record, token):
                return record.on_grid(*token).mean(0)""",
        "global_on_map: cell by cell": """
            def global_on_map(record, token):
                (h, w), g = record.query_grid, record.g2
                whole, cells = torch.zeros(h, w), record.row(*token).mean(0)
                for row in range(cells.shape[0]):
                    for column in range(cells.shape[1]):
                        part = whole[row * g : (row + 1) * g, column * g : (column + 1) * g]
                        part[:] = cells[row, column] / part.numel()
                return whole""",
        "global_on_map: repeated, then divided by counts": """
            def global_on_map(record, token):
                (h, w), g = record.query_grid, record.g2
                cells = record.row(*token).mean(0)
                size = torch.nn.functional.avg_pool2d(torch.ones(1, h, w), g, ceil_mode=True, divisor_override=1)[0]
                large = (cells / size).repeat_interleave(g, 0).repeat_interleave(g, 1)
                return large[:h, :w]""",
        "seam: a search": """
            def seam(token, g1):
                y, x = token
                while (x + 1) % g1:
                    x += 1
                return [y, x], [y, x + 1]""",
        "seam: a tensor": """
            def seam(token, g1):
                y, x = token
                beyond = -(-(x + 1) // g1) * g1
                return torch.tensor([[y, beyond - 1], [y, beyond]])""",
        "two_hop: written out": """
            def two_hop(a_loc, a_glob, pool):
                eye = torch.eye(len(a_loc), dtype=a_loc.dtype)
                return a_glob @ pool @ (eye + a_loc) / 4 + (eye + a_loc) / 4""",
        "two_hop: factored": """
            def two_hop(a_loc, a_glob, pool):
                once = (torch.eye(len(a_loc)) + a_loc) / 2
                return (torch.eye(len(a_loc)) + a_glob @ pool) / 2 @ once""",
        "two_hop: a sum over indices": """
            def two_hop(a_loc, a_glob, pool):
                once = (torch.eye(len(a_loc)) + a_loc) / 2
                return torch.einsum("qc,cv,vs->qs", a_glob, pool, once) / 2 + once / 2""",
        "two_hop_row: cell by cell": """
            def two_hop_row(near, far, token):
                (h, w), g = far.query_grid, far.g2
                cells = far.row(*token).mean(0)
                own = torch.zeros(h, w)
                own[token] = 1
                found = (own + local_on_map(near, token)) / 4
                for row in range(cells.shape[0]):
                    for column in range(cells.shape[1]):
                        inside = [(y, x) for y in range(row * g, min(h, row * g + g)) for x in range(column * g, min(w, column * g + g))]
                        for y, x in inside:
                            read = local_on_map(near, (y, x))
                            read[y, x] += 1
                            found += cells[row, column] / len(inside) * read / 4
                return found""",
        "two_hop_row: matrices": """
            def two_hop_row(near, far, token):
                h, w = near.query_grid
                tokens = [(y, x) for y in range(h) for x in range(w)]
                a_loc = torch.stack([local_on_map(near, each).flatten() for each in tokens])
                through = torch.stack([global_on_map(far, each).flatten() for each in tokens])
                once = (torch.eye(h * w) + a_loc) / 2
                return ((through @ once + once) / 2)[tokens.index(token)].view(h, w)""",
        "rollout: from the last block": """
            def rollout(blocks):
                result = torch.eye(len(blocks[0]))
                for block in reversed(blocks):
                    result = result @ (block + torch.eye(len(block))) * 0.5
                return result""",
        "rollout: one product of all": """
            def rollout(blocks):
                return torch.linalg.multi_dot([block / 2 + torch.eye(len(block)) / 2 for block in blocks[::-1]])""",
        "rollout: a copy, normalised": """
            def rollout(blocks):
                result = torch.eye(len(blocks[0]))
                for block in blocks:
                    block = block.clone()
                    block += torch.eye(len(block))
                    block /= block.sum(1, keepdim=True)
                    result = block @ result
                return result""",
        "integrated_gradients: interpolated": """
            def integrated_gradients(forward, image, baseline, target, steps):
                gradients = []
                for k in range(1, steps + 1):
                    point = torch.lerp(baseline, image, (k - 0.5) / steps).detach().requires_grad_(True)
                    forward(point)[:, target].sum().backward()
                    gradients.append(point.grad)
                return ((image - baseline) * torch.stack(gradients).mean(0)).sum((0, 1))""",
        "integrated_gradients: all points at once": """
            def integrated_gradients(forward, image, baseline, target, steps):
                part = (torch.arange(steps, dtype=image.dtype) + 0.5) / steps
                points = (baseline + part.view(-1, 1, 1, 1) * (image - baseline)).requires_grad_()
                (gradient,) = torch.autograd.grad(forward(points)[:, target].sum(), points)
                return ((image - baseline)[0] * gradient.mean(0)).sum(0)""",
        "grad_cam: a sum over indices": """
            def grad_cam(features, head, target):
                features = features.detach().clone().requires_grad_()
                head(features)[0, target].backward()
                return torch.einsum("c,chw->hw", features.grad[0].flatten(1).mean(1), features[0]).detach()""",
        "grad_cam: channel by channel, still with its gradient": """
            def grad_cam(features, head, target):
                features = features.detach().requires_grad_()
                gradient = torch.autograd.grad(head(features)[0, target], features)[0]
                return sum(gradient[0, c].mean() * features[0, c] for c in range(features.shape[1]))""",
        "deletion: sorted by Python, tensors in the curve": """
            def deletion(forward, image, target, importance, steps):
                rows, columns = importance.shape
                tall, wide = image.shape[2] // rows, image.shape[3] // columns
                order = sorted(range(importance.size), key=lambda cell: importance.flat[cell], reverse=True)
                curve = []
                for step in range(steps + 1):
                    left = image.clone()
                    for cell in order[: round(step / steps * len(order))]:
                        y, x = divmod(cell, columns)
                        left[..., y * tall : (y + 1) * tall, x * wide : (x + 1) * wide] = 0
                    curve.append(torch.softmax(forward(left), dim=1)[0, target])
                return curve""",
        "deletion: masks, one batch, a tensor": """
            def deletion(forward, image, target, importance, steps):
                order = torch.tensor(importance).flatten().argsort(descending=True)
                kept = torch.ones(steps + 1, importance.size)
                for step in range(steps + 1):
                    kept[step, order[: round(step / steps * len(order))]] = 0
                mask = torch.nn.functional.interpolate(kept.view(-1, 1, *importance.shape), image.shape[-2:])
                return forward(image * mask).softmax(-1)[:, target]""",
    }
    wrong: ClassVar[dict[str, str]] = {
        "you divided by the sum of the map": """
            def global_on_map(record, token):
                (h, w), g = record.query_grid, record.g2
                large = record.row(*token).mean(0).repeat_interleave(g, 0).repeat_interleave(g, 1)[:h, :w]
                return large / large.sum()""",
        "the heads of the two steps are not partners": """
            def two_hop_row(near, far, token):
                own, maps = torch.zeros(near.heads, *near.query_grid), near.query_grid
                own[(slice(None), *token)] = 1
                arriving = (far.on_grid(*token) + own) / 2
                read = torch.zeros_like(arriving)
                for y in range(maps[0]):
                    for x in range(maps[1]):
                        read += arriving[:, y, x, None, None] * near.on_grid(y, x)
                return ((arriving + read) / 2).mean(0)""",
        "cells at the edge hold fewer tokens: divide by how many are really there, not by G2^2.": """
            def two_hop_row(near, far, token):
                (h, w), g = far.query_grid, far.g2
                cells = far.row(*token).mean(0).repeat_interleave(g, 0).repeat_interleave(g, 1)[:h, :w] / g**2
                own = torch.zeros(h, w)
                own[token] = 1
                arriving = (cells + own) / 2
                read = sum(arriving[y, x] * local_on_map(near, (y, x)) for y in range(h) for x in range(w))
                return (arriving + read) / 2""",
        "only the direct path is there": """
            def two_hop_row(near, far, token):
                own = torch.zeros(near.query_grid)
                own[token] = 1
                return (own + local_on_map(near, token)) / 2""",
        "multiply their matrices, do not average them": """
            def rollout(blocks):
                return sum((torch.eye(len(block)) + block) / 2 for block in blocks) / len(blocks)""",
        "average each block with the identity, not their product": """
            def rollout(blocks):
                result = torch.eye(len(blocks[0]))
                for block in blocks:
                    result = block @ result
                return (result + torch.eye(len(result))) / 2""",
        "matrices are multiplied with `@`": """
            def rollout(blocks):
                result = torch.ones_like(blocks[0])
                for block in blocks:
                    result = (torch.eye(len(block)) + block) / 2 * result
                return result""",
        "rollout changed what it was given, and later cells would go on with that: blocks is not what it was": """
            def rollout(blocks):
                result = torch.eye(len(blocks[0]))
                for block in blocks:
                    block += torch.eye(len(block))
                    block /= 2
                    result = block @ result
                return result""",
        "later cells would go on with that: blocks is": """
            def rollout(blocks):
                blocks.reverse()
                result = torch.eye(len(blocks[0]))
                for block in blocks:
                    result = result @ (torch.eye(len(block)) + block) / 2
                return result""",
        "the channels are averaged: add them up": """
            def integrated_gradients(forward, image, baseline, target, steps):
                total = torch.zeros_like(image)
                for step in range(steps):
                    point = (baseline + (step + 0.5) / steps * (image - baseline)).requires_grad_()
                    total += torch.autograd.grad(forward(point)[0, target], point)[0]
                return ((image - baseline) * total / steps).mean(1)[0]""",
    }


def test_what_the_text_claims_is_what_the_cells_print():
    text = printed("06")
    strongest = float(re.search(r"^([\d.]+)%: row", text, re.M)[1])
    assert strongest < 5  # "No single path carries much", and of 50, 10 or 2 % the last is nearest
    one, all_blocks = re.search(r"largest share times 256: ([\d.]+) after one block, ([\d.]+) after all", text).groups()
    assert float(all_blocks) < float(one)  # "Flatter"
    assert re.search(r"^local .*beyond the edge: 0\.0000$", text, re.M) and not re.search(r"^global .*edge: 0\.0000$", text, re.M)
    better = [int(count) for count in re.search(r"^better than chance, of 10 +(.*)$", text, re.M)[1].split()]
    assert f"Follow attention: {sum(better[:3])} of 30 better. Ask the model: {sum(better[3:])} of 30 better." in text
    assert f"in {max(better)} of 10 scores" in text


def test_the_text_describes_the_shipped_models():
    large, small = hatnet.checkpoint_info("objects224"), hatnet.checkpoint_info("cifar10")
    assert (large.image_size // 4) ** 2 == 3136  # tokens of stage 2
    assert (large.image_size // 16, large.config.g1[2], large.config.g2[2]) == (14, 7, 2)  # stage 4
    assert (small.image_size // 2) ** 2 == 256 and (small.image_size // 2 // small.config.g2[0]) ** 2 == 64


def test_every_exercise_has_a_mark_a_time_and_hints_one_after_another():
    found = exercises("06")
    assert len(found) == len(looking_inside.__all__) and all(hints >= 2 for *_, hints in found)
    assert [minutes for mark, minutes, _ in found if mark == 3] == [30]  # as the header says
    assert sum(minutes for mark, minutes, _ in found if mark < 3) < 90
