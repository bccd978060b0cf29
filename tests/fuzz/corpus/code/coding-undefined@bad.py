# coding: undefined
