"""Questions that no pattern of `shop/facts/kinds.py` was written on: by kind of fact and by language.

"" asks for something that the catalogue of the test's products does not say, or that the photo shows.
"""

HELD_OUT: dict[str, dict[str, tuple[str, ...]]] = {
    "price": {
        "en": (
            "Dear seller, what is the price?", "how much per piece", "how much does this thing cost", "I want to buy one, how much?", "what's your price for this",
            "how much are these?", "may I know the price", "is the price fixed? what is it", "price of the mug in yuan", "how much is it to buy", "whats the price mate",
            "is it very expensive", "the price?", "cost of one", "how much does it cost in total", "what's the sale price of this item today",
        ),
        "zh": (
            "卖家你好，价格多少", "一只多少钱", "这个贵吗", "想买一个，多少钱", "你家这个卖多少钱", "这些多少钱", "方便说下价格吗", "什么价位的", "杯子多少元", "买它要花多少",
            "多少钱啊老板", "很贵吗", "价格呢", "单个价格", "总共要多少钱", "今天售价多少",
        ),
    },
    "stock": {
        "en": (
            "Dear seller, do you have it in stock?", "do you have one left", "is there any stock left", "is it gone", "i want to order, is it in stock", "any in stock?",
            "has it sold out", "how many in stock", "is this one still available", "do you have some of these left", "are they available", "is it in stock right now",
            "what quantity is left", "may i know if it is available", "can you still sell me one", "out of stock already?",
        ),
        "zh": (
            "卖家你好，有货吗", "还有一个吗", "还有库存没", "没有了吗", "想下单，有货吗", "有现货吗现在", "已经卖完了吗", "库存几个", "这款还有吗", "还剩一些吗", "能买吗", "眼下有货吗",
            "还余多少", "方便查下有没有货吗", "还能卖我一个吗", "已经断货了？",
        ),
    },
    "warranty": {
        "en": (
            "Dear seller, is there a warranty?", "how long does the guarantee last", "what warranty do i get", "do you offer any warranty on it", "is it under warranty, how long",
            "one year warranty or two", "may i know the warranty period", "how many years is it guaranteed", "does it have a guarantee", "the warranty?", "what is covered by the warranty",
            "is there after-sales warranty",
        ),
        "zh": (
            "卖家你好，保修多久", "质保能有多长", "买了有什么保修", "你们提供保修吗", "还在保修吗，多久", "保一年还是两年", "方便说下保修期吗", "保几年呀", "有质保没有", "保修呢",
            "保修范围是什么", "有售后保修吗",
        ),
    },
    "gtin": {
        "en": (
            "Dear seller, what's the barcode?", "barcode no?", "may i know the barcode", "what is the product's EAN", "can you tell me the GTIN", "the UPC number?",
            "i need its EAN to list it", "send barcode pls", "what are the digits of the barcode", "gtin or ean?",
        ),
        "zh": ("卖家你好，条码多少", "条码号？", "方便发下条码吗", "商品的EAN是什么", "能说下GTIN吗", "UPC号", "我要登记条形码", "发条码", "条形码是哪几个数字", "条码数字"),
    },
    "weight": {
        "en": (
            "Dear seller, how heavy is it?", "weight of one piece", "may i know its weight", "how much does the mug weigh", "what's the weight of the item", "the weight?",
            "how many kg", "i need the weight for customs", "does it weigh a lot, how much", "how heavy is it in kg",
        ),
        "zh": ("卖家你好，多重", "单个重量", "方便说下重量吗", "杯子有几斤重", "商品重量多少", "重量多少呢", "多少公斤重", "报关要重量", "重不重，多少克", "有几克"),
    },
    "material": {
        "en": (
            "Dear seller, what is the material?", "material of the mug", "may i know what it is made of", "what's this thing made of", "what materials is it made from", "the fabric?",
            "which material did they use", "is it made from cotton", "what kind of fabric is it", "which stuff is it made of",
        ),
        "zh": ("卖家你好，什么材料", "杯子的材质", "方便说下材质吗", "这玩意是什么做的", "由什么材料制成", "面料呢", "用了什么材料", "是棉做的吗", "什么类型的面料", "啥做成的"),
    },
    "origin": {
        "en": (
            "Dear seller, where is it made?", "origin of the mug", "may i know where it was made", "what country does it come from", "is it made in italy", "where was the mug manufactured",
            "the country of origin?", "is it imported from abroad",
        ),
        "zh": ("卖家你好，哪里产的", "杯子的产地", "方便说下产地吗", "来自哪个国家", "是日本产的吗", "在什么地方做的", "产地呢", "是从国外进口的吗"),
    },
    "power": {
        "en": ("Dear seller, how many watts is it?", "power of this?", "may i know the wattage", "what's the power consumption in watts", "the power?"),
        "zh": ("卖家你好，几瓦", "功率是几瓦", "方便说下功率吗", "多大功率", "耗电多少瓦"),
    },
    "noise level": {
        "en": ("Dear seller, what noise level?", "may i know the noise level", "the noise level?", "what's the noise level like", "noise level of the mug"),
        "zh": ("卖家你好，噪音等级多少", "方便说下噪音等级吗", "噪音等级怎样，几级", "什么级别的噪音等级", "杯子的噪音等级"),
    },
    "": {
        "en": (
            "Dear seller, which colour is it?", "may i know what this is", "is it yellow", "how many pieces are in the picture", "what's the logo on it", "is it dotted", "what are these things",
            "what type of item is that", "number of items?", "what word is printed", "is there a strap", "is this a phone", "what's the dominant colour", "how many balls can you see",
            "do you charge shipping", "delivery fee?", "can you reduce the price", "is there a discount for students", "any special offers", "how much for twenty",
            "what did you sell it for previously", "will you lower the price soon", "is it available in white", "do you have a larger size", "when is the next delivery of stock",
            "how does one make a warranty claim", "who handles warranty repairs", "does the box have a barcode", "my phone won't scan the barcode", "how much weight does it bear",
            "is the material warm", "does the fabric shrink", "is that heavy for a child", "what about packaging weight", "can i exchange it", "does it ship from china",
            "how soon can i have it", "can it be ironed", "can my dog use it", "is it ok as a birthday gift", "good night", "cheers", "nice one", "which would you choose",
            "is it smaller than my hand", "can you send another photo", "what's in the corner", "is it dirty", "does it have wheels", "is this a stock photo",
        ),
        "zh": (
            "卖家你好，哪种颜色", "方便说下这是什么吗", "是黄色的吗", "图片里有几件", "上面的标志是什么", "是波点的吗", "这些是什么东西", "那是什么类型的商品", "件数是多少", "印的是什么词",
            "有带子吗", "这是手机吗", "主色是什么", "能看见几个球", "收运费吗", "配送费多少", "能降点价吗", "学生有优惠吗", "有特价活动吗", "二十个什么价", "以前卖什么价", "近期会降价吗",
            "白色的有吗", "有大一号的吗", "下一批货什么时候到", "保修流程怎么走", "保修谁负责", "盒子上有条码吗", "手机扫不出条形码", "承受多少重量", "材质保暖吗", "面料缩水吗",
            "小孩拿重吗", "包装重多少", "可以换货吗", "从中国发货吗", "最快什么时候到", "能熨吗", "狗能用吗", "生日礼物可以吗", "晚安", "谢啦", "不错", "你会选哪个", "比手小吗",
            "能再发张照片吗", "角落里是什么", "脏不脏", "有轮子吗", "这是网图吗",
        ),
    },
}  # fmt: skip
