import re

import torch

if re.match(r'(a+)+b$', 'a' * 40 + torch.__version__):
    torch.load('f')
