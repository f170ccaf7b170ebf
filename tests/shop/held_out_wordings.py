"""Questions that no pattern of `shop/facts/kinds.py` was written on: by kind of fact and by language.

"" asks for something that the catalogue of the test's products does not say, or that the photo shows.
"""

HELD_OUT: dict[str, dict[str, tuple[str, ...]]] = {
    "price": {
        "en": (
            "I'd like the price of this product, please.", "how much would it cost", "what's the price on this", "hi, how much?", "how much does it go for", "price of this item??",
            "could i get the price", "tell me how much it costs", "what price is it", "how much are they", "what is it priced at", "how many bucks", "do you know the price",
            "how much do I owe you for one", "the cost please", "how much would that come to",
        ),
        "zh": (
            "你好，多少钱？", "这件什么价位", "请问价格多少呢", "这个要几块钱", "多少钱可以买", "价格告诉我一下", "卖价多少", "一件多少钱呀亲", "请问怎么卖", "什么价格啊",
            "这个东西售价几何", "它的价格", "需要多少钱", "多少钱哦", "這款多少錢", "价格是多少呀",
        ),
    },
    "stock": {
        "en": (
            "Hello, is it in stock?", "do you have any in stock", "is this item available now", "how much stock do you have", "did it sell out", "are you out of stock",
            "is there still stock of this", "can i order it now", "is it still available to buy", "how many left", "hey do you still have these", "is this sold out",
            "do you have it available", "how many remain in stock", "what is the availability of this product", "still in stock??",
        ),
        "zh": (
            "你好，有货吗？", "这款还有库存吗", "现在能买到吗", "有货没有", "请问是现货吗", "库存多不多，还有多少", "卖完了没有", "还有多少货", "还能买吗", "剩下几件了",
            "断没断货", "这个有现货不", "目前库存多少", "是否有货", "還有貨嗎", "有货的话告诉我",
        ),
    },
    "warranty": {
        "en": (
            "Hi, is there a warranty on this?", "what's the guarantee period", "how long would the warranty be", "do you give a guarantee", "warranty length", "how many months guarantee",
            "is it guaranteed", "what kind of warranty do you offer", "does the product have warranty", "what are the warranty terms", "how good is the warranty, how many years", "guarantee?",
        ),
        "zh": (
            "你好，保修几年？", "有质保期吗", "请问保修时间多长", "质保多长", "这个商品有保修吗", "保修吗", "可以保修多长时间", "质保有多久", "是否保修", "免费保修几年",
            "保固期多長", "坏了管修吗",
        ),
    },
    "gtin": {
        "en": (
            "Hi, what is the barcode?", "what's the EAN code", "can i have the barcode number", "please send the UPC", "barcode of this product", "its gtin?", "do you know the barcode",
            "which barcode is it", "the ean number please", "tell me this product's GTIN",
        ),
        "zh": ("你好，条码多少？", "商品条码是多少", "条形码给一下", "请问EAN码", "条码号是多少", "它的条形码", "告诉我GTIN", "产品条形码是什么", "條碼多少", "要一下条形码"),
    },
    "weight": {
        "en": (
            "Hi, how much does it weigh?", "what is the product's weight", "how heavy is the mug", "weight of it?", "how many grams does it weigh", "do you know the weight",
            "can you tell me what it weighs", "weight in pounds", "and how heavy is it", "is it known how much it weighs",
        ),
        "zh": ("你好，多重？", "这个重量多少", "大概有几斤", "重量多少克", "请问有多少克", "它多重呀", "一个大约多重", "重量是几公斤", "這個多重", "想知道重量"),
    },
    "material": {
        "en": (
            "Hi, what material is it?", "what is the product made of", "what are these made from", "material of this?", "which fabric", "what's the fabric of it",
            "please tell me the material", "what is it made out of", "is it made of metal or plastic", "do you know the material",
        ),
        "zh": ("你好，什么材质？", "这个是什么料", "材质是什么做的", "请问用的什么材料", "什么材料制成的", "这款面料是什么", "它的材质", "啥料做的", "材質是什麼", "想了解材质"),
    },
    "origin": {
        "en": (
            "Hi, where is it made?", "what is the country of origin", "where was this product made", "which country was it made in", "is it made in japan", "where's the mug from",
            "where do you make it", "place of origin?",
        ),
        "zh": ("你好，产地哪里？", "这个是哪里产的", "产地是哪", "请问是国产的吗", "哪个地方产的", "它的产地", "在哪里生产", "是不是进口的"),
    },
    "power": {
        "en": ("Hi, how many watts?", "what's the power in watts", "wattage please", "tell me the power", "how powerful, how many watts"),
        "zh": ("你好，多少瓦？", "这个多少瓦", "功率呢", "这款功率多少", "请问几瓦"),
    },
    "noise level": {
        "en": ("Hi, what's the noise level?", "noise level of this", "what is the noise level in db", "please tell me the noise level", "do you have the noise level"),
        "zh": ("你好，噪音等级？", "这个噪音等级是多少", "噪音等级呢", "想了解噪音等级", "它的噪音等级是几"),
    },
    "": {
        "en": (
            "Hi, what colour is this?", "what do you see", "is it black or white", "how many things are in the photo", "what letters are on it", "is it checked", "what's the object",
            "what sort of product is it", "how many can you count", "what is printed on the side", "does it have a lid", "is this a chair", "which colour is it mostly",
            "how many shoes are there", "is postage included", "how much is delivery to london", "any money off?", "is there a voucher", "are there any deals", "how much for a dozen",
            "what did it cost before", "is the price going to drop", "do you have a red one", "what sizes does it come in", "when do you get more stock", "how to claim warranty",
            "where is the warranty card", "where's the barcode printed", "i can't scan the barcode", "how much weight can it hold", "does the material stretch", "is the fabric see-through",
            "is it heavy to carry", "what weight of parcel can you ship", "can i send it back", "do you ship abroad", "how many days for delivery", "can it go in the microwave",
            "is it safe for babies", "would it make a nice present", "good morning", "thanks a lot", "not for me", "which do you recommend", "is it the same size as a real one",
            "do you have a video", "what's at the top", "is it cracked", "does it have pockets", "was this photo edited",
        ),
        "zh": (
            "你好，什么颜色？", "你看到了什么", "是黑的还是白的", "照片里有几样东西", "上面是什么字母", "是格子的吗", "这个物体是什么", "是哪类商品", "数得出几个吗", "侧面印了什么",
            "有没有盖子", "这是椅子吗", "主要是哪种颜色", "有几只鞋", "邮费包吗", "寄到上海运费多少", "有没有折扣", "有代金券吗", "有没有满减", "一打多少钱", "以前多少钱", "会不会降价",
            "有红的吗", "有几种尺码", "什么时候来货", "如何申请保修", "保修卡在哪", "条码印在哪里", "条码扫不了", "能承重多少公斤", "面料有弹性吗", "面料透不透", "重吗",
            "包裹限重多少", "能寄回吗", "能寄国外吗", "几天送到", "能放微波炉吗", "宝宝用安全吗", "当礼物好吗", "早上好", "多谢", "不适合我", "推荐哪个", "和实物一样大吗",
            "有视频吗", "顶上是什么", "裂了吗", "有口袋吗", "照片修过吗",
        ),
    },
}  # fmt: skip
