"""Wordings of shoppers' questions, in English and Chinese.

A wording is a template. `{noun}` is the product, by its category or by a word
like "item", `{nouns}` its plural; `{category}`, `{colour}`, `{pattern}` and
`{count}` stand for one value of that attribute (`{a_category}` and so on: with
its article), `{a}` and `{b}` for two of them. Those of `unseen_wordings.py`
are never trained on: they measure whether a question is understood, not
recalled.
"""

from typing import Literal

from catalogue.attributes import Kind, Language
from catalogue.unseen_wordings import TEST

Split = Literal["train", "test"]

CANNOT_TELL: dict[Language, str] = {"en": "cannot tell", "zh": "看不出来"}
YES: dict[Language, str] = {"en": "yes", "zh": "是"}
NO: dict[Language, str] = {"en": "no", "zh": "不是"}

NOUNS: dict[Language, tuple[str, ...]] = {
    "en": ("product", "item", "thing", "object"),
    "zh": ("商品", "产品", "东西", "宝贝"),
}

# What may stand before and after a question without changing it.
OPENERS: dict[Language, tuple[str, ...]] = {
    "en": (
        *[""] * 5,
        "hello, ",
        "hi, ",
        "please, ",
        "excuse me, ",
        "tell me, ",
        "can you tell me, ",
        "i want to know, ",
        "please tell me, ",
    ),
    "zh": (
        *[""] * 5,
        "请问",
        "你好，",
        "您好，",
        "亲，",
        "请说出",
        "告诉我",
        "能告诉我",
        "想知道",
        "我想知道",
        "说一下",
        "你看，",
    ),
}
CLOSERS: dict[Language, tuple[str, ...]] = {
    "en": ("?", "?", "?", "", " please?", " thanks"),
    "zh": ("？", "？", "?", "", "呢？", "呀？", "，谢谢"),
}

# Tables: as many wordings a line as fit.
# fmt: off
TRAIN: dict[Language, dict[Kind, tuple[str, ...]]] = {
    "en": {
        "category": (
            "what is this", "what is in the photo", "what is the {noun0}", "what kind of {noun0} is this",
            "what do you see in the picture", "what is shown here", "which {noun0} is this",
            "what type of {noun0} is in the image", "name the {noun0}", "what category is this {noun0}",
            "can you tell me what this is", "what {noun0} is being sold", "identify the {noun0} in this photo",
            "what am i looking at", "which category does the {noun0} belong to",
            "what type of {noun0} does this photo show", "name what you see in the image",
            "what {noun0} do you see here",
            "which kind of thing is it", "the {noun0} is what", "what is the name of the {noun0} in the photo",
            "what is it", "what's this", "what's it called", "what are you selling", "what do you call this {noun0}",
        ),
        "colour": (
            "what colour is it", "what color is the {noun}", "which colour is this {noun}",
            "what is the colour of the {noun}", "tell me the color of this {noun}", "the {noun} is what colour",
            "what's the colour of the {noun}", "can you name the colour of the {noun}",
            "which color does this {noun} have", "what colour does the {noun} come in",
            "in what color is the {noun}", "what is its colour", "i want to know the colour of this {noun}",
            "what main colour does the {noun} have", "which colour do you see on the {noun}",
            "which colour do you see", "the colour of the {noun} is which one", "name its colour",
            "which color is this {noun} in",
        ),
        "pattern": (
            "what pattern does the {noun} have", "which pattern is on the {noun}",
            "what is the pattern of this {noun}",
            "what's the pattern on it", "tell me the pattern of the {noun}", "what pattern is this",
            "which design does the {noun} have", "what design is on the {noun}", "what print does this {noun} have",
            "can you name the pattern on the {noun}", "what is the design of the {noun}",
            "what kind of pattern is printed on it", "what kind of print is on the {noun}",
            "which print do you see on the {noun}", "i want to know the pattern of this {noun}",
            "which pattern does this {noun} come in", "what pattern do you see on it", "which pattern do you see",
            "the pattern of the {noun} is which one", "name its pattern", "which pattern is printed on this {noun}",
            "what design do you see on the {noun}", "which pattern is this {noun} in",
        ),
        "number": (
            "how many are there", "how many {nouns} are there", "how many {nouns} are in the photo",
            "how many {nouns} do you see", "what number of {nouns} is shown", "count the {nouns}",
            "what is the number of {nouns}", "how many {nouns} are shown here", "can you count the {nouns}",
            "how many {nouns} does the picture show", "how many {nouns} can you see in the image",
            "tell me how many {nouns} there are", "how many pieces are there", "how many pieces do you see",
            "what is the count of {nouns} in this picture",
        ),
        "yes_no": (
            "is this {a_category}", "is it {a_category}", "is the {noun0} {a_category}",
            "does the photo show {a_category}",
            "do you see {a_category}", "is there {a_category} in the picture", "can i see {a_category} here",
            "is the {noun} {colour}", "is it {colour}", "is this {noun} {colour}",
            "is the colour of the {noun} {colour}",
            "does the {noun} come in {colour}", "do you see {a_colour} {noun}",
            "is the {noun} {pattern}", "is it {pattern}", "is this {noun} {pattern}", "is the pattern {pattern}",
            "does the {noun} have {a_pattern} pattern", "is the design of the {noun} {pattern}",
            "can you see {a_category} in the photo", "do i see {a_category} in the image", "can i see {a_colour} {noun} here",
            "is the color of the {noun} {colour}", "the colour is {colour}, right", "the pattern is {pattern}, right",
            "would you say this is {a_category}", "can you tell me if it is {a_category}",
            "tell me if this is {a_category}", "is {a_category} shown here", "what you see is {a_category}, right",
            "is the thing in the photo {a_category}", "is that {a_category}", "do i see {a_category} here",
            "would you say it is {colour}", "can you tell me if the {noun} is {colour}", "is that {noun} {colour}",
            "tell me if it is {colour}", "is the main colour {colour}", "is the {noun} in the photo {colour}",
            "would you say this is {pattern}", "can you tell me if the {noun} is {pattern}", "is that {pattern}",
            "would you say there are {count}", "can you tell me if there are {count} {nouns}",
            "are there {count} {nouns}", "do you see {count} {nouns}", "are {count} {nouns} in the photo",
            "does the picture show {count} {nouns}", "is the number of {nouns} {count}",
        ),
        "either_or": (
            "is it {a} or {b}", "is the {noun0} {a} or {b}", "is this {a} or {b}", "which is it, {a} or {b}",
            "{a} or {b}", "do you see {a} or {b}", "would you say {a} or {b}", "is that {a} or is it {b}",
            "does the photo show {a} or {b}", "which one is right, {a} or {b}", "tell me if it is {a} or {b}",
            "is that {a} or {b}", "can you say which it is, {a} or {b}", "is the {noun0} shown here {a} or {b}",
        ),
        "unanswerable": (
            "how much is it", "how much does the {noun} cost", "what is the price of the {noun}", "what's the price",
            "what does this {noun} cost", "is the {noun} on sale", "can i get a discount on this {noun}",
            "is it expensive", "is it cheap", "tell me the price",
            "is the {noun} in stock", "how many are left in stock", "do you have more of it in stock",
            "is the {noun} sold out", "what is the stock of this {noun}", "when is it back in stock",
            "is there a warranty", "how long is the warranty of the {noun}", "does the {noun} have a warranty",
            "what warranty does it come with", "is the {noun} under guarantee", "how many years of guarantee",
            "how heavy is it", "what is the weight of the {noun}", "how much does this {noun} weigh",
            "is the {noun} heavy", "is it light to carry", "what does it weigh in grams", "how many kilograms is it",
            "who made the {noun}", "when will it be delivered", "how long does delivery take", "is shipping free",
            "can i return the {noun}", "where is the {noun} made", "what brand is it",
            "what do you charge for it", "how much do you sell them at", "what is the selling price", "who sells the {noun}",
            "what would i pay for the {noun}", "how much are you asking for it", "do you sell it with a discount",
            "is there a lower price", "do you sell more of it", "can i still buy the {noun}", "where can i buy it",
            "do you have it left", "what size is it", "which sizes do you have", "how big is the {noun}", "how tall is it",
            "what is it made of", "which material is the {noun}", "is the {noun} waterproof", "can i wash it",
            "how old is the {noun}", "do you ship abroad", "is this {noun} real or fake", "will it last for years",
        ),
    },
    "zh": {
        "category": (
            "这是什么", "照片里是什么", "图上是什么{noun0}", "这是什么{noun0}", "图片里有什么", "这里展示的是什么",
            "这是哪种{noun0}", "图中的{noun0}是什么", "说出这个{noun0}的名称", "这个{noun0}属于什么类别",
            "能告诉我这是什么吗", "卖的是什么{noun0}", "照片上的{noun0}叫什么", "我看到的是什么", "这属于哪一类{noun0}",
            "说出照片里的{noun0}", "说出图上的是什么{noun0}", "图片里是什么{noun0}", "照片里的是什么{noun0}", "这里是什么",
            "图上是什么", "图片里的{noun0}是什么", "图里的是什么{noun0}", "照片里的是哪种{noun0}", "这个{noun0}是什么东西",
            "图片上展示的是哪种{noun0}", "图里有什么{noun0}",
        ),
        "colour": (
            "什么颜色", "这个{noun}是什么颜色", "{noun}是什么颜色的", "这{noun}的颜色是什么", "{noun}的颜色是哪种",
            "说一下{noun}的颜色", "图里的{noun}是什么颜色", "这是什么颜色的{noun}", "能说出这个{noun}的颜色吗",
            "{noun}是哪种颜色", "它是什么颜色的", "想知道{noun}的颜色", "这个{noun}主要是什么颜色",
            "照片上的{noun}是哪个颜色", "你看{noun}是什么色",
            "图片里的{noun}是什么颜色", "照片里{noun}的颜色是哪种", "图上是什么颜色的{noun}",
        ),
        "pattern": (
            "什么图案", "这个{noun}是什么图案", "{noun}上是什么图案", "{noun}的图案是什么", "上面是什么花纹",
            "说一下{noun}的图案", "这是什么图案的{noun}", "{noun}是哪种花纹", "{noun}的花纹是什么样的",
            "能说出{noun}的图案吗", "{noun}上印的是什么花样", "这个{noun}是什么花样", "它的图案是哪种",
            "想知道{noun}的花纹", "照片上的{noun}是什么花纹",
            "图里的{noun}是什么图案的", "照片上{noun}的图案是哪种", "{noun}上面是哪种图案", "图上是什么花纹的{noun}",
            "你看上面是什么图案", "{noun}印的是哪种花样",
        ),
        "number": (
            "有几个", "有几件{noun}", "有多少个{noun}", "照片里有几个{noun}", "图上有多少件{noun}", "一共有几个{noun}",
            "数一下有几个{noun}", "{noun}的数量是多少", "这里有几件", "你看到几个{noun}", "图片里能看到几个{noun}",
            "说一下{noun}的数量", "{noun}有多少个", "照片展示了几件{noun}", "总共多少件{noun}",
        ),
        "yes_no": (
            "这是{category}吗", "是不是{category}", "这个{noun0}是{category}吗", "照片里是{category}吗", "图上的是不是{category}",
            "你看到的是{category}吗", "这里是{category}对吗",
            "{noun}是{colour}吗", "是{colour}的吗", "这个{noun}是不是{colour}", "{noun}的颜色是{colour}吗",
            "它是{colour}的对吗", "你看{noun}是{colour}的吗",
            "照片里{noun}的颜色是{colour}吗", "它的颜色是不是{colour}", "这里的{noun}颜色是{colour}对吗", "颜色是{colour}吗",
            "图里{noun}的颜色是不是{colour}的", "你看它的颜色是{colour}吗", "颜色是不是{colour}", "它的图案是不是{pattern}的",
            "图案是{pattern}对吗", "数量是{count}对吗", "这里是{category}吗", "图里是不是{category}", "看到的是不是{category}",
            "照片展示的是{category}吗", "图片里是不是{category}", "{noun}的颜色是不是{colour}", "图片上的是{colour}的吗",
            "{noun}的花纹是不是{pattern}", "{noun}的数量是不是{count}", "一共有{count}个{noun}吗",
            "你看是{category}吗", "能告诉我这是不是{category}吗", "这东西是{category}吗", "图里的是{category}吗",
            "你看这是不是{category}", "它是{category}吗", "照片里有{category}吗", "告诉我这是不是{category}",
            "照片里的{noun}是{colour}吗", "能告诉我{noun}是不是{colour}吗", "图上的{noun}是{colour}的吗", "它是不是{colour}",
            "告诉我是不是{colour}的", "主要颜色是{colour}吗",
            "你看是{pattern}吗", "能告诉我是不是{pattern}吗", "图里的{noun}是{pattern}的吗",
            "你看是{count}个吗", "能告诉我是不是{count}件吗",
            "{noun}是{pattern}吗", "是{pattern}的吗", "这个{noun}是不是{pattern}的", "{noun}的图案是{pattern}吗",
            "它的花纹是{pattern}对吗", "{noun}上是{pattern}图案吗",
            "是{count}个吗", "{noun}是{count}个吗", "照片里是不是{count}件{noun}", "{noun}的数量是{count}吗", "一共是{count}件对吗",
        ),
        "either_or": (
            "是{a}还是{b}", "这{noun0}是{a}还是{b}", "{a}还是{b}", "它是{a}还是{b}", "到底是{a}还是{b}",
            "你看是{a}还是{b}", "照片里是{a}还是{b}", "图上的是{a}还是{b}", "{a}和{b}是哪个", "是{a}还是{b}，哪一个",
            "告诉我是{a}还是{b}", "能说出是{a}还是{b}吗", "照片展示的是{a}还是{b}",
        ),
        "unanswerable": (
            "多少钱", "这个{noun}多少钱", "{noun}的价格是多少", "价格是多少", "{noun}卖多少钱", "{noun}有优惠吗", "这{noun}打折吗",
            "贵不贵", "便宜吗", "说一下价格",
            "{noun}有货吗", "还有多少库存", "库存还有吗", "{noun}卖完了吗", "这个{noun}的库存是多少", "什么时候补货",
            "有保修吗", "{noun}保修多久", "{noun}有质保吗", "质保是几年", "{noun}的保修期是多长", "保修几年",
            "有多重", "{noun}的重量是多少", "这个{noun}重吗", "{noun}有几斤", "重不重", "它重多少克", "有几公斤",
            "谁生产的{noun}", "什么时候发货", "快递要几天", "包邮吗", "{noun}可以退货吗", "{noun}是哪里产的", "是什么牌子的",
            "卖什么价", "售价是多少", "要付多少钱", "最低多少钱", "能便宜点吗", "有什么尺码", "尺寸是多少", "{noun}多大",
            "{noun}是什么材质的", "用什么做的", "防水吗", "{noun}可以洗吗", "{noun}还能买到吗", "什么时候到货", "是正品吗",
            "有发票吗", "能用几年", "哪里可以买到",
        ),
    },
}

WORDINGS: dict[Split, dict[Language, dict[Kind, tuple[str, ...]]]] = {"train": TRAIN, "test": TEST}
