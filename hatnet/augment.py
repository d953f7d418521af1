"""Random changes to a batch of images: crops, flips, colour, erased rectangles, mixed pairs.

Each function changes the whole batch at once, on the device where the batch lies. The random numbers are drawn on the CPU, and whatever
rounds them to whole pixels is computed there too, so that a seed means the same crops, flips and boxes on every device.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms import v2

from hatnet.machine import upload
from hatnet.recipe import Recipe

TRIES = 10  # to find a box that lies within the image: torchvision's number
BOX = 2 * TRIES + 2  # random numbers for a box
CROP = 4  # random numbers for a crop of `scaled_crops`
ERASED_AREA, ERASED_ASPECT = (0.02, 1 / 3), (0.3, 1 / 0.3)  # of random erasing (Zhong et al., 2020), as DeiT has them


def augmented(pixels: Tensor, recipe: Recipe, side: int, draw: Callable[[int, int], Tensor]) -> Tensor:
    """Crop, flip and scale a batch as the recipe says, and change its colours: uint8 [b, 3, h, w] -> [b, 3, side, side], in 0..255.

    uint8 or, where a crop is scaled or colours change, float32 without rounding. draw(kind, n): n random numbers in 0..1 for each image,
    [b, n], other ones for each kind.
    """
    h, w = pixels.shape[-2:]
    if recipe.augment == "resized":
        numbers = draw(2, BOX + 1)
        boxes = random_boxes(numbers[:, :BOX], h, w, (recipe.least_area, 1.0), recipe.aspect)
        images = resized_crops(pixels, boxes, numbers[:, BOX] < 0.5, side)
    else:
        images = shift_flip_cut(pixels, recipe.cut_out, lambda n: draw(2, n)) if recipe.augment == "shift" else pixels
        if side < h:
            images = v2.functional.resize(images, [side, side])
    return adjusted_colours(images, 1 + recipe.colour * (2 * draw(3, 3) - 1)) if recipe.colour else images


def shift_flip_cut(pixels: Tensor, cut_out: float, draw: Callable[[int], Tensor]) -> Tensor:
    """Crop (after padding by an eighth), flip and cut out, at random for each image: uint8 [b, 3, h, w] -> the same shape.

    cut_out: side of the grey square, as a fraction of the image's. draw(n): n random numbers in 0..1 for each image, [b, n].
    """
    (b, _, h, w), device = pixels.shape, pixels.device
    pad, side = h // 8, round(h * cut_out)
    padded = F.pad(pixels.float(), (pad,) * 4, mode="reflect").to(pixels.dtype)
    numbers = upload(draw(5), device)[:, :, None]
    top, left = ((numbers[:, i] * (2 * pad + 1)).long() for i in range(2))
    y, x = torch.arange(h, device=device), torch.arange(w, device=device)
    columns = left + torch.where(numbers[:, 2] < 0.5, x, x.flip(0))
    image = torch.arange(b, device=device)[:, None, None]
    out = padded[image, :, (top + y)[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    top, left = (numbers[:, 3] * h).long() - side // 2, (numbers[:, 4] * w).long() - side // 2
    return out.masked_fill(_inside(top, left, side, side, h, w), 128)


def random_boxes(numbers: Tensor, h: int, w: int, area: tuple[float, float], aspect: tuple[float, float]) -> Tensor:
    """A random box in each of b images of h x w pixels, as torchvision's RandomResizedCrop draws them.

    numbers: uniform in 0..1, [b, BOX]. area: least and greatest, as a fraction of the image's, drawn uniformly. aspect: least and greatest
    width / height, drawn uniformly on a logarithmic scale. The first of TRIES boxes that fits is placed at random; if none does, it is the
    largest box of an allowed aspect, in the middle. Returns int64 [b, 4]: top, left, height, width, in pixels.
    """
    size, shape, place = numbers[:, :TRIES], numbers[:, TRIES : 2 * TRIES], numbers[:, 2 * TRIES :]
    pixels = h * w * (area[0] + (area[1] - area[0]) * size)
    least, most = map(math.log, aspect)
    ratio = (least + (most - least) * shape).exp()
    height, width = (pixels / ratio).sqrt().round().long(), (pixels * ratio).sqrt().round().long()
    fits = (height > 0) & (height <= h) & (width > 0) & (width <= w)
    found, first = fits.any(1), fits.int().argmax(1, keepdim=True)
    nearest = min(max(w / h, aspect[0]), aspect[1])
    whole = (min(h, round(w / nearest)), min(w, round(h * nearest)))
    height = torch.where(found, height.gather(1, first)[:, 0], whole[0])
    width = torch.where(found, width.gather(1, first)[:, 0], whole[1])
    top = torch.where(found, (place[:, 0] * (h - height + 1)).long(), (h - height) // 2)
    left = torch.where(found, (place[:, 1] * (w - width + 1)).long(), (w - width) // 2)
    return torch.stack([top, left, height, width], 1)


def resized_crops(pixels: Tensor, boxes: Tensor, flipped: Tensor, side: int) -> Tensor:
    """The box of each image, scaled, and mirrored where `flipped`: [b, 3, h, w] in 0..255 -> float32 [b, 3, side, side].

    boxes: int64 [b, 4], of `random_boxes`. flipped: bool [b]. A pixel of the result is the mean of the box's pixels under a triangle that
    is two pixels of the result wide, or two of the picture where these are larger: bilinear interpolation with antialiasing, as Pillow
    and torchvision compute it (on photographs of 224 x 224 pixels, the mean difference from torchvision's `resized_crop` is 0.00002 of
    255 levels, and 0.27 if that rounds to whole levels). The triangles of an image are two matrices, one for its rows and one for its
    columns, so a batch takes two batched matrix products.
    """
    b, _, h, w = pixels.shape
    return _scaled(pixels, boxes, flipped, torch.tensor([h, w]).expand(b, 2), (side, side))


def scaled_crops(
    pixels: Tensor, masks: Tensor, sizes: Tensor, numbers: Tensor, size: tuple[int, int], scales: tuple[float, float], void: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Scale each picture and its mask at random, cut out a random part of a fixed size, and mirror every second one.

    pixels: uint8 [b, 3, h, w]. masks: uint8 [b, h, w]. sizes: int64 [b, 2], on the CPU: how many rows and columns of these are the picture.
    numbers: uniform in 0..1, [b, CROP]. size: height and width of the parts. scales: least and greatest factor, drawn uniformly.
    The part lies within the scaled picture along each side where it fits, and covers all of the picture where it does not. Returns images
    float32 [b, 3, *size], in 0..255, resampled as by `resized_crops`; masks uint8 [b, *size], of which each pixel is the mask's where the
    middle of the image's pixel lies, and `void` beyond the picture; and where that is, bool [b, *size].
    """
    scale = scales[0] + (scales[1] - scales[0]) * numbers[:, :1].double()
    extent = (torch.tensor(size) / scale).round().long().clamp(min=1)  # of the part, in pixels of the picture, [b, 2]
    room = sizes - extent  # negative where the part is larger
    start = torch.where(room >= 0, (numbers[:, 1:3] * (room + 1)).long(), room + (numbers[:, 1:3] * (1 - room)).long())
    boxes, flipped = torch.cat([start, extent], 1), numbers[:, 3] < 0.5
    images = _scaled(pixels, boxes, flipped, sizes, size)
    lines = []  # of the mask that each row and each column shows; -1 beyond the picture
    for axis, side in enumerate(size):
        line = start[:, axis, None] + ((torch.arange(side) + 0.5) * extent[:, axis, None].double() / side).floor().long()
        lines.append(torch.where((line >= 0) & (line < sizes[:, axis, None]), line, -1))
    lines[1] = torch.where(flipped[:, None], lines[1].flip(1), lines[1])
    rows, columns = upload(lines[0], masks.device)[:, :, None], upload(lines[1], masks.device)[:, None]
    beyond = (rows < 0) | (columns < 0)
    image = torch.arange(len(masks), device=masks.device)[:, None, None]
    return images, masks[image, rows, columns].masked_fill(beyond, void), beyond


def _scaled(pixels: Tensor, boxes: Tensor, flipped: Tensor, sizes: Tensor, size: tuple[int, int]) -> Tensor:
    """What `resized_crops` does, to height and width `size`, of pictures that fill `sizes` rows and columns, int64 [b, 2]."""
    h, w = pixels.shape[-2:]
    numbers = upload(torch.cat([boxes, sizes, flipped[:, None]], 1), pixels.device)
    top, left, height, width, most, wide, flip = numbers[:, :, None, None].unbind(1)
    rows, columns = _triangles(top, height, h, most, size[0]), _triangles(left, width, w, wide, size[1])
    columns = torch.where(flip > 0, columns.flip(1), columns)
    across = pixels.float().flatten(1, 2) @ columns.mT
    return rows[:, None] @ across.unflatten(1, (-1, h))


def _triangles(start: Tensor, length: Tensor, size: int, end: Tensor, side: int) -> Tensor:
    """How much each of `size` pixels of a line counts in each of the `side` pixels to which a part of the line is scaled.

    start, length: of the part, in pixels, [b, 1, 1]. end: how many pixels of the line are there, [b, 1, 1]. Returns float32
    [b, side, size]; the weights of a pixel sum to 1, or are all 0 where nothing is near.
    """
    scale = length.float() / side
    centre = start + (torch.arange(side, device=start.device)[:, None] + 0.5) * scale
    pixel = torch.arange(size, device=start.device) + 0.5
    weights = (1 - (pixel - centre).abs() / scale.clamp(min=1)).clamp(min=0) * (
        (pixel > start) & (pixel < torch.minimum(start + length, end))
    )
    return (weights / weights.sum(-1, keepdim=True).clamp(min=1e-9)).float()


def scaled_objects(pixels: Tensor, objects: dict[str, Tensor], size: tuple[int, int], flip: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """Scale a picture and the objects in it to a size, and mirror them.

    pixels: uint8 [3, h, w]. objects: "boxes" float32 [n, 4], x1, y1, x2, y2 in pixels, perhaps "masks" uint8 [n, h, w]; the rest stays.
    size: height and width. Returns the image, float32 [3, *size] in 0..255, resampled as torchvision's detectors do at inference (bilinear,
    masks by the nearest pixel), and the objects.
    """
    h, w = pixels.shape[-2:]
    image = F.interpolate(pixels[None].float(), size, mode="bilinear")[0]
    boxes = objects["boxes"] * objects["boxes"].new_tensor([size[1] / w, size[0] / h] * 2)
    found = {**objects, "boxes": boxes}
    if "masks" in objects:
        found["masks"] = F.interpolate(objects["masks"][:, None], size, mode="nearest")[:, 0]
    if flip:
        image = image.flip(-1)
        found["boxes"] = torch.stack([size[1] - boxes[:, 2], boxes[:, 1], size[1] - boxes[:, 0], boxes[:, 3]], 1)
        if "masks" in found:
            found["masks"] = found["masks"].flip(-1)
    return image, found


def adjusted_colours(pixels: Tensor, factors: Tensor) -> Tensor:
    """Change brightness, contrast and saturation, in this order: [b, 3, h, w] in 0..255 -> float32, the same shape.

    factors: not negative, of the three, for each image [b, 3]; 1 changes nothing. As torchvision's `adjust_brightness`,
    `adjust_contrast` and `adjust_saturation`: times the factor; away from the mean grey of the image; away from the grey of each pixel.
    """
    brightness, contrast, saturation = upload(factors.float(), pixels.device)[:, :, None, None, None].unbind(1)
    images = (pixels * brightness).clamp(0, 255)
    middle = v2.functional.rgb_to_grayscale(images).mean((1, 2, 3), keepdim=True)
    images = torch.lerp(middle, images, contrast).clamp(0, 255)
    return torch.lerp(v2.functional.rgb_to_grayscale(images), images, saturation).clamp(0, 255)


def erased(images: Tensor, probability: float, numbers: Tensor) -> Tensor:
    """Erase a random box of some images: normalised float [b, 3, h, w] -> the same shape, with 0, the mean colour, in the boxes.

    probability: of each image. numbers: uniform in 0..1, [b, BOX + 1]. The boxes have ERASED_AREA and ERASED_ASPECT.
    """
    h, w = images.shape[-2:]
    boxes = random_boxes(numbers[:, :BOX], h, w, ERASED_AREA, ERASED_ASPECT) * (numbers[:, BOX:] < probability)
    top, left, height, width = upload(boxes, images.device)[:, :, None].unbind(1)
    return images.masked_fill(_inside(top, left, height, width, h, w), 0)


def mixer(recipe: Recipe, classes: int) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None:
    """What mixes each image of a batch with the one before it, by torchvision: (images, labels [b]) -> (images, shares [b, classes]).

    mixup (Zhang et al., 2018) is a weighted mean, cutmix (Yun et al., 2019) a box of the other image; if the recipe has both, each batch
    gets one or the other, equally often, as in timm and DeiT. One weight or box, from torch's own random numbers on the CPU, serves the
    whole batch. None if the recipe has neither.
    """
    kinds = [kind(alpha=alpha, num_classes=classes) for kind, alpha in ((v2.MixUp, recipe.mixup), (v2.CutMix, recipe.cutmix)) if alpha]
    return v2.RandomChoice(kinds) if len(kinds) > 1 else kinds[0] if kinds else None


def _inside(top: Tensor, left: Tensor, height: Tensor | int, width: Tensor | int, h: int, w: int) -> Tensor:
    """Which of h x w pixels lie in a box of each image; its numbers are [b, 1]: bool [b, 1, h, w]."""
    y, x = torch.arange(h, device=top.device), torch.arange(w, device=top.device)
    rows, columns = (y >= top) & (y < top + height), (x >= left) & (x < left + width)
    return (rows[:, :, None] & columns[:, None, :])[:, None]
