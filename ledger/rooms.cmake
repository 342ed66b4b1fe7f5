# The house as data: room, the rooms it may include, the libraries that are let in.  tests/tidy reads this file as the include law.
#         room    DEPS ...                                                    LIBS ...
ect_room(base     DEPS proto                                                  LIBS crypto cbor threads)
ect_room(token    DEPS base)
ect_room(tree     DEPS base)
ect_room(trust    DEPS token base                                             LIBS crypto sodium)
ect_room(claim    DEPS token base)
ect_room(seal     DEPS tree base                                              LIBS crypto)
ect_room(store    DEPS base                                                   LIBS lmdb)
ect_room(policy   DEPS trust claim token base)
ect_room(seq      DEPS policy trust claim token seal store tree base)
ect_room(query    DEPS trust claim token seal store tree base)
ect_room(serve    DEPS seq query policy trust claim token seal store tree base proto)
ect_room(net      DEPS serve base proto                                       LIBS event ssl crypto)
